import Diagnostics
import Files

/// A file in the `.ts` format of the UEA and UCR time series archives: series with a class or a number each; or one of UCR's tables,
/// see `readTable`.
///
/// After a header of `@` lines each line of `@data` is one sample: its dimensions separated by colons, the values of a dimension
/// separated by commas, the class label (or the target value) last. With `@timestamps true` a value is `(time stamp,value)`.
/// Source: "The ts file format", timeseriesclassification.com.
package struct TSFile {
  /// What must be known of each series.
  package enum Requirement {
    /// Its class or value.
    case all
    /// Nothing: a class that is there is read.
    case anyClasses
    case anyValues
  }

  package internal(set) var header: TSHeader
  /// Samples (N) and dimensions (F).
  package internal(set) var samples = 0
  package internal(set) var dimensions = 0
  /// The first row of each sample, and the end of the last.
  var starts = [0]
  /// A row for each step of each sample, `[Σ T, F]`.
  package internal(set) var values: [Double] = []
  /// `[N]` where the header has class labels: numbers into `header.classNames`, -1 where nobody knows it.
  package internal(set) var classes: [Int32] = []
  /// `[N]` where it has target values; NaN where nobody knows it.
  package internal(set) var targets: [Double] = []
  /// Line of each sample.
  var lines: [Int] = []
  let file: InputFile
  let wanted: Requirement

  /// - gaps: what is done with values that are missing.
  package init(
    _ file: InputFile, targets wanted: Requirement = .all, gaps: DataSpecification.GapPolicy = .refuse
  ) throws(Failure) {
    (self.file, self.wanted) = (file, wanted)
    if file.count == 0 { throw file.failure("is empty") }
    header = TSHeader()
    if try Self.isTable(file) {
      try readTable()
    } else {
      try readLines()
    }
    try closeGaps(in: gaps)
  }

  /// Whether each series has a number to predict, not a class.
  var hasTargetValues: Bool { hasTargetValues(header) }
  func hasTargetValues(_ header: TSHeader) -> Bool {
    wanted == .all ? header.hasTargetValues : wanted == .anyValues
  }
  var mayBeUnknown: Bool { wanted != .all }

  /// Where a number stands, by its row and its dimension.
  func location(row: Int, column: Int) -> String {
    let sample = starts.lastIndex { $0 <= row }!
    return "\(file.location(line: lines[sample])), dimension \(column + 1), value \(row - starts[sample] + 1)"
  }

  mutating func endSample(steps: Int, line: Int) {
    samples += 1
    starts.append(starts[starts.count - 1] + steps)
    lines.append(line)
  }
}

let colon = UInt8(ascii: ":")
let comma = UInt8(ascii: ",")

/// What reading a line needs besides the line.
struct TSContext {
  let file: InputFile
  let decimal: DecimalTables

  func failure(_ line: TSLines.Line, _ what: String) -> Failure {
    .badData("\(file.location(line: line.number)): \(what)")
  }

  /// NaN where it is missing.
  func number(
    _ field: Slice<UnsafeBufferPointer<UInt8>>, _ line: TSLines.Line, _ location: @autoclosure () -> String
  ) throws(Failure) -> Double {
    let text = trimmed(field)
    let bytes = UnsafeBufferPointer(rebasing: text)
    if let start = bytes.baseAddress, bytes.count > 0, let number = decimal.parse(start),
      number.end == start + bytes.count, number.value.isFinite
    {
      return number.value
    }
    if Self.isMissing(text) { return .nan }
    throw failure(line, "\(location()): \(quoted(bytes)) is not a usable number")
  }

  static func isMissing(_ text: some Collection<UInt8>) -> Bool {
    text.isEmpty || text.elementsEqual("?".utf8) || text.elementsEqual("NaN".utf8)
      || text.elementsEqual("nan".utf8)
  }
}

func trimmed(_ field: Slice<UnsafeBufferPointer<UInt8>>) -> Slice<UnsafeBufferPointer<UInt8>> {
  var field = field
  while let first = field.first, first == space || first == tab { field.removeFirst() }
  while let last = field.last, last == space || last == tab { field.removeLast() }
  return field
}
