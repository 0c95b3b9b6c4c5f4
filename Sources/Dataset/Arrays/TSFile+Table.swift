import Diagnostics
import Files

/// UCR's tables (`.tsv`, or `.txt` with tabs): on each line a class, then the values of one series, with tabs between them and no header.
/// Series that are shorter than others end in NaN; elsewhere NaN is a gap.
/// Source: H. A. Dau et al., "The UCR Time Series Classification Archive", 2018.
extension TSFile {
  /// Whether the first line with something in it has tabs and is none of a `.ts` header.
  static func isTable(_ file: InputFile) throws(Failure) -> Bool {
    try file.withText { (text) throws(Failure) in
      var lines = Lines(text)
      while let line = lines.next() {
        guard let first = trimmed(line[...]).first else { continue }
        return line.contains(tab) && !"@#%".utf8.contains(first)
      }
      return false
    }
  }

  mutating func readTable() throws(Failure) {
    dimensions = 1
    var labels: [Name?] = []
    try file.withText { (text) throws(Failure) in
      try DecimalTables.with { (decimal) throws(Failure) in
        var lines = Lines(text)
        while let bytes = lines.next() {
          if trimmed(bytes[...]).isEmpty { continue }
          let line = TSLines.Line(bytes: bytes, number: lines.number)
          labels.append(try readRow(line, TSContext(file: file, decimal: decimal)))
        }
      }
    }
    guard wanted != .anyValues else {
      targets = [Double](repeating: .nan, count: samples)
      return
    }
    header = TSHeader(classNames: sortedClassNames(Set(labels.compactMap { $0 }).map(\.text)))
    let numbers = header.classNumbers
    classes = labels.map { label in label.flatMap { numbers[$0] } ?? -1 }
  }

  /// One series; returns its class.
  private mutating func readRow(_ line: TSLines.Line, _ context: TSContext) throws(Failure) -> Name? {
    let fields = line.bytes.split(separator: tab, omittingEmptySubsequences: false)
    let label = trimmed(fields[0])
    let isUnknown = TSContext.isMissing(label)
    guard mayBeUnknown || !isUnknown else {
      throw context.failure(line, "the class, in front of the values, is missing")
    }
    guard let name = Name(utf8: label) else {
      throw context.failure(line, "class label \(quoted(label)) is not UTF-8; save the file as UTF-8")
    }
    let base = values.count
    for (step, field) in fields.dropFirst().enumerated() {
      values.append(try context.number(field, line, "value \(step + 1)"))
    }
    while values.count > base, values[values.count - 1].isNaN { values.removeLast() }
    guard values.count > base else { throw context.failure(line, "has no values after its class") }
    endSample(steps: values.count - base, line: line.number)
    return isUnknown ? nil : name
  }
}
