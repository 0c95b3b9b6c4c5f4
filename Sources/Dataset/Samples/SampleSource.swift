import Batches
import Diagnostics

/// The samples of one file before they are scaled and split.
struct SampleSource {
  let path: String
  /// `[rows, F]`.
  let inputs: any NumberTable
  /// `[target rows, width]`, or nil for classes.
  let values: (any NumberTable)?
  /// `[target rows]`; empty for values.
  let classes: [Int32]
  let layout: SampleLayout
  let samples: Int
  /// Whether the processes of this machine have read it together.
  var isDivided = false
  /// How many rows behind its target row the targets of a sample reach.
  var reach = 0
  /// For series: the row of the file, from 0, that holds a target.
  var record: ((_ targetRow: Int) -> Int)?

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
    read: (_ path: String, _ labels: String?, _ part: Part) throws(Failure) -> SampleSource
  ) throws(Failure) {
    main = try read(specification.path, specification.labelsPath, .main)
    if let path = specification.validationPath {
      validation = try read(path, specification.validationLabelsPath, .validation)
    }
    if let path = specification.testPath { test = try read(path, specification.testLabelsPath, .test) }
  }

  enum Part: String {
    case main = ""
    case validation = "validation_"
    case test = "test_"
    /// The recipe's key for the file.
    var pathKey: String { "data.\(rawValue)path" }
    var labelsKey: String { "data.\(rawValue)labels_path" }
  }
}

extension SampleSources {
  /// Fits what the specification asks for; nil for `scale: none`.
  func fit(
    _ specification: DataSpecification, train: Range<Int>?, _ group: LoadingGroup?
  ) throws(Failure) -> Scaler? {
    guard let method = Scaler.Method(rawValue: specification.scale.rawValue) else { return nil }
    let group = all.contains { $0.isDivided } ? group : nil
    var inputs: [(table: any NumberTable, rows: Range<Int>)] = []
    var targets: [(table: any NumberTable, rows: Range<Int>)] = []
    switch specification.fitScaleOn {
    case .all:
      for source in all {
        inputs.append((source.inputs, 0..<source.inputs.rows))
        if let values = source.values?.unshifted { targets.append((values, 0..<values.rows)) }
      }
    case .train:
      guard let train else {
        throw .badData("data.fit_scale_on is train, but the split has no training samples; set it to all")
      }
      let rows = main.rows(of: train)
      inputs.append((main.inputs, rows.inputs))
      if let values = main.values?.unshifted { targets.append((values, rows.targets)) }
    }
    // A target has one scale at all horizons.
    let columns = try Scaler.fit(method, targets, group)
    let copies = columns.isEmpty ? 0 : (main.values?.columns ?? 0) / columns.count
    return Scaler(
      method: method, features: try Scaler.fit(method, inputs, group),
      targets: [[Scaler.Column]](repeating: columns, count: copies).flatMap { $0 })
  }
}

extension SampleSource {
  /// The samples scaled, as sets of the given ranges that share one array.
  func sets(
    _ ranges: [Range<Int>?], shape: SampleShape, _ scaler: Scaler?, _ group: LoadingGroup?
  ) throws(Failure) -> [SequenceSet<Float>?] {
    let group = isDivided ? group : nil
    let inputs = try inputs.floats(scaler.map { ($0.method, $0.features) }, group)
    let values = try values?.floats(scaler.map { ($0.method, $0.targets) }, group) ?? .own([])
    let classes = try Elements.own(classes).once(group)
    return ranges.map { range in
      range.map {
        SequenceSet(
          shape: shape, layout: layout, samples: $0, inputs: inputs, values: values, classes: classes)
      }
    }
  }
}

extension SequenceSet {
  /// Throws where a number to predict lies outside, naming its place.
  /// - source: what the set was made of.
  func requireTargets(
    in range: ClosedRange<Float>, of source: SampleSource, isScaled: Bool
  ) throws(Failure) {
    guard let table = source.values, case .values(let width) = shape.target else { return }
    let wrong = values.withUnsafeBufferPointer { values in
      samples.lazy.flatMap { layout.targetRows($0) }.flatMap { $0 * width..<($0 + 1) * width }
        .first { !range.contains(values[$0]) && !(table.mayBeUnknown && values[$0].isNaN) }.map {
          ($0, values[$0])
        }
    }
    guard let (index, value) = wrong else { return }
    throw .badData(
      "\(table.place(row: index / width, column: index % width)): the target\(isScaled ? ", scaled," : "") is \(value), outside of "
        + "\(Int(range.lowerBound)) to \(Int(range.upperBound)), which the loss needs; change it, or use another loss"
    )
  }
}
