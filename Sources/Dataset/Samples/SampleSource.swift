import Batches
import Diagnostics
import Files

/// The samples of one file before they are scaled and split.
struct SampleSource {
  let path: String
  /// `[rows, F]`.
  let inputs: any NumberTable
  /// `[target rows, width]`, or nil for classes.
  var values: (any NumberTable)?
  /// `[target rows]`; empty for values.
  var classes: [Int32]
  let layout: SampleLayout
  let samples: Int
  /// Whether the processes of this machine have read it together.
  var isDivided = false
  /// How many rows after its target row the targets of a sample reach.
  var reach = 0
  /// For series: the row of the file, from 0, that holds a target.
  var record: ((_ targetRow: Int) -> Int)?
  /// How far after its row a target of a series lies, the first of several.
  var firstHorizon = 0
  /// What targets count from, where they are changes.
  var bases: TargetBases?
  /// How many columns of inputs, the first ones, are scaled; nil for all.
  var scaledInputs: Int?
  /// What a table of series says besides.
  var series: SeriesDetails?
  /// The inputs where they can stay in their files.
  var shards: ShardTable?
  /// Whether these are several files, rather than one that can stay where it is.
  var isSharded = false
  /// The files of its labels, of shards.
  var labelFiles: StoredFiles?
  /// Samples that are shuffled in blocks of so many.
  var block: Int?

  /// Of several files that are an array together: those, and the ones with their labels.
  var shardFiles: [StoredFiles] {
    guard let shards, isSharded else { return [] }
    return [shards.files] + [labelFiles].compactMap { $0 }
  }

  /// The rows of inputs and of targets that these samples see. A series is fitted over one stretch for both,
  /// so that a column used as feature and as target has one scale.
  func rows(of samples: Range<Int>) -> (inputs: Range<Int>, targets: Range<Int>) {
    let last = samples.upperBound - 1
    let inputs = layout.start(samples.lowerBound)..<layout.rows(last).upperBound
    let targets =
      layout.targetRows(samples.lowerBound).lowerBound..<layout.targetRows(last).upperBound
    guard record != nil else { return (inputs, targets) }
    let both = inputs.lowerBound..<max(inputs.upperBound, targets.upperBound + reach)
    return (both, both)
  }
}

/// The sources of a data specification: its main file, which may be split, and separate files.
struct SampleSources {
  var main: SampleSource
  var validation: SampleSource?
  var test: SampleSource?

  var all: [SampleSource] { [main] + [validation, test].compactMap { $0 } }

  /// Reads main, validation and test file with one function.
  init(
    _ specification: DataSpecification,
    read: (_ path: String, _ labels: String?, _ part: FileRole) throws(Failure) -> SampleSource
  ) throws(Failure) {
    main = try read(specification.path, specification.labelsPath, .main)
    if let path = specification.validationPath {
      validation = try read(path, specification.validationLabelsPath, .validation)
    }
    if let path = specification.testPath { test = try read(path, specification.testLabelsPath, .test) }
  }

  enum FileRole: String {
    case main = ""
    case validation = "validation_"
    case test = "test_"
    /// The recipe's key for the file.
    var pathKey: String { "data.\(rawValue)path" }
    var labelsKey: String { "data.\(rawValue)labels_path" }
  }
}

extension DataSpecification {
  /// Throws where a number to predict is none that the loss takes, naming its place.
  /// - indices: of those to look at, in values `[rows, columns]` of the table.
  func requireTargets(
    _ values: Elements<Float>, _ indices: some Sequence<Int>, of table: any NumberTable, isScaled: Bool
  ) throws(Failure) {
    guard let range = targetRange else { return }
    let areCounts = targetsAreCounts
    let wrong = values.withUnsafeBufferPointer { values in
      indices.first { (index: Int) in
        let value = values[index]
        let isRight = range.contains(value) && !(areCounts && value != value.rounded())
        return !isRight && !(table.mayBeUnknown && value.isNaN)
      }.map { ($0, values[$0]) }
    }
    guard let (index, value) = wrong else { return }
    let place = table.location(row: index / table.columns, column: index % table.columns)
    if areCounts {
      throw .badData(
        "\(place): the target is \(value), but the loss needs counts, whole numbers from 0 on; change it, or use another loss"
      )
    }
    throw .badData(
      "\(place): the target\(isScaled ? ", scaled," : "") is \(value), outside of "
        + "\(Int(range.lowerBound)) to \(Int(range.upperBound)), which the loss needs; change it, or use another loss"
    )
  }
}

extension SequenceSet {
  /// Where the numbers to predict lie, of all samples.
  var targetIndices: some Sequence<Int> {
    let width = shape.targetWidth
    return samples.lazy.flatMap { layout.targetRows($0) }.flatMap { $0 * width..<($0 + 1) * width }
  }
}
