import Diagnostics
import Files

/// A file in the `.ts` format of the UEA and UCR time series archives: series with a class or a number each.
///
/// After a header of `@` lines each line of `@data` is one sample: its dimensions separated by colons, the values of a dimension
/// separated by commas, the class label (or the target value) last.
/// Source: "The ts file format", timeseriesclassification.com.
package struct TSFile {
  package internal(set) var header: TSHeader
  /// Samples (N) and dimensions (F).
  package private(set) var samples = 0
  package private(set) var dimensions = 0
  /// The first row of each sample, and the end of the last.
  private(set) var starts = [0]
  /// A row for each step of each sample, `[Σ T, F]`.
  package private(set) var values: [Double] = []
  /// `[N]` where the header has class labels: numbers into `header.classNames`.
  package private(set) var classes: [Int32] = []
  /// `[N]` where it has target values.
  package private(set) var targets: [Double] = []
  /// Line of each sample.
  private(set) var lines: [Int] = []
  let file: InputFile

  package init(_ file: InputFile) throws(Failure) {
    self.file = file
    if file.count == 0 { throw file.failure("is empty") }
    header = TSHeader()
    let header = try file.withText { (text) throws(Failure) in
      var header = TSHeader()
      try DecimalTables.with { (decimal) throws(Failure) in
        var lines = TSLines(text)
        while let line = lines.next(inHeader: !header.isComplete) {
          if header.isComplete {
            try read(line, TSContext(file: file, decimal: decimal), header)
          } else {
            try header.read(line, file)
          }
        }
      }
      return header
    }
    self.header = header
    guard header.isComplete else { throw file.failure("has no @data line") }
    guard samples > 0 else { throw file.failure("has no samples behind @data") }
    if let declared = header.dimensions, declared != dimensions {
      throw file.failure("declares @dimensions \(declared), its samples have \(dimensions)")
    }
    let layout = SampleLayout.separate(starts: starts)
    if let declared = header.seriesLength, layout.starts == nil, declared != layout.steps {
      throw file.failure("declares @seriesLength \(declared), its series have \(layout.steps) values")
    }
  }

  /// Where a number stands, by its row and its dimension.
  func place(row: Int, column: Int) -> String {
    let sample = starts.lastIndex { $0 <= row }!
    return "\(file.path), line \(lines[sample]), dimension \(column + 1), value \(row - starts[sample] + 1)"
  }
}

let colon = UInt8(ascii: ":")
let comma = UInt8(ascii: ",")

extension TSFile {
  private mutating func read(_ line: TSLines.Line, _ context: TSContext, _ header: TSHeader) throws(Failure) {
    let fields = line.bytes.split(separator: colon, omittingEmptySubsequences: false)
    let count = fields.count - 1
    guard count >= 1 else {
      throw context.failure(line, "has no ':' between the values and the class label")
    }
    let steps = try length(fields.dropLast(), line, context, header)
    let base = values.count
    values.append(contentsOf: repeatElement(0, count: steps * dimensions))
    for (dimension, field) in fields.dropLast().enumerated() {
      for (step, text) in field.split(separator: comma, omittingEmptySubsequences: false).enumerated() {
        values[base + step * dimensions + dimension] = try context.number(
          text, line, "dimension \(dimension + 1), value \(step + 1)")
      }
    }
    try readTarget(fields[count], line, context, header)
    samples += 1
    starts.append(starts[starts.count - 1] + steps)
    lines.append(line.number)
  }

  /// The steps of a sample. Its first dimension fixes them, and the first sample the number of dimensions.
  private mutating func length(
    _ fields: ArraySlice<Slice<UnsafeBufferPointer<UInt8>>>, _ line: TSLines.Line, _ context: TSContext,
    _ header: TSHeader
  ) throws(Failure) -> Int {
    if samples == 0 { dimensions = fields.count }
    guard fields.count == dimensions else {
      throw context.failure(line, "has \(fields.count) dimensions, the first sample has \(dimensions)")
    }
    var steps = 0
    for (dimension, field) in fields.enumerated() {
      let count = field.reduce(1) { $0 + ($1 == comma ? 1 : 0) }
      if dimension == 0 { steps = count }
      if count == steps { continue }
      throw context.failure(
        line, "dimension \(dimension + 1) has \(count) values, its first dimension has \(steps)")
    }
    if header.declaresEqualLength, samples > 0, steps != starts[1] {
      throw context.failure(
        line, "has \(steps) values, the first series has \(starts[1]); the header says @equalLength true")
    }
    return steps
  }

  private mutating func readTarget(
    _ field: Slice<UnsafeBufferPointer<UInt8>>, _ line: TSLines.Line, _ context: TSContext, _ header: TSHeader
  ) throws(Failure) {
    if header.hasTargetValues {
      targets.append(try context.number(field, line, "target"))
      return
    }
    let name = String(decoding: trimmed(field), as: UTF8.self)
    guard let number = header.classNumbers[Name(name)] else {
      let list = header.classNames.prefix(12).map { quoted($0) }.joined(separator: ", ")
      throw context.failure(line, "class label \(quoted(name)) is not in @classLabel: \(list)")
    }
    classes.append(number)
  }
}

/// What reading a line needs besides the line.
struct TSContext {
  let file: InputFile
  let decimal: DecimalTables

  func failure(_ line: TSLines.Line, _ what: String) -> Failure {
    .badData("\(file.path), line \(line.number): \(what)")
  }

  func number(
    _ field: Slice<UnsafeBufferPointer<UInt8>>, _ line: TSLines.Line, _ place: @autoclosure () -> String
  ) throws(Failure) -> Double {
    let text = trimmed(field)
    let bytes = UnsafeBufferPointer(rebasing: text)
    if let start = bytes.baseAddress, bytes.count > 0, let number = decimal.parse(start),
      number.end == start + bytes.count, number.value.isFinite
    {
      return number.value
    }
    let missing = bytes.isEmpty || bytes.elementsEqual("?".utf8) || bytes.elementsEqual("NaN".utf8)
    throw failure(
      line,
      missing
        ? "\(place()): missing values are not supported; fill them in"
        : "\(place()): \(quoted(bytes)) is not a usable number")
  }
}

func trimmed(_ field: Slice<UnsafeBufferPointer<UInt8>>) -> Slice<UnsafeBufferPointer<UInt8>> {
  var field = field
  while let first = field.first, first == space || first == tab { field.removeFirst() }
  while let last = field.last, last == space || last == tab { field.removeLast() }
  return field
}
