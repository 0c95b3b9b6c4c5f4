import Diagnostics
import Files

/// Reads columns of numbers and of names of a CSV file in one pass over its bytes.
package struct CSVReader: ~Copyable {
  private let header: CSVHeader
  private let scanner: CSVScanner
  private let decimal: DecimalTables
  /// For each column of the file: its position among the numeric ones, or what else to do with it.
  private let plan: UnsafeBufferPointer<Int>
  private static let skip = -1
  /// Of the first column of names; the others follow downward.
  private static let name = -2

  private let notation: NumberNotation
  private var numbers: RowBuffer
  private var hasGaps = false
  /// Whether the bytes held ended inside of quotes.
  private var isCutOff = false
  private var names: [CSVTable.Names]

  /// - columns: positions of the numeric columns in the file, each once.
  /// - names: positions of the columns of names, not among `columns`.
  /// - gaps: nil leaves them as they are.
  package static func read(
    _ header: CSVHeader, columns: [Int], names: [Int] = [], gaps: DataSpecification.GapPolicy? = .refuse,
    notation: NumberNotation = NumberNotation()
  ) throws(Failure) -> CSVTable {
    let body = header.body..<header.file.count
    var table = try rows(header, columns: columns, names: names, in: body, notation: notation)!
    if let gaps, table.hasGaps { try table.closeGaps(gaps) }
    return table
  }

  /// Reads the rows that begin in this range of the bytes held.
  /// - Returns: nil where the bytes held end before the last of these rows does.
  static func rows(
    _ header: CSVHeader, columns: [Int], names: [Int], in range: Range<Int>, notation: NumberNotation
  ) throws(Failure) -> CSVTable? {
    var plan = [Int](repeating: skip, count: header.names.count)
    for (slot, column) in columns.enumerated() { plan[column] = slot }
    for (place, column) in names.enumerated() { plan[column] = name - place }
    return try header.file.withScanner(delimiter: header.delimiter) { (scanner) throws(Failure) in
      try DecimalTables.with { (decimal) throws(Failure) in
        try plan.withUnsafeBufferPointer { (plan) throws(Failure) -> CSVTable? in
          var reader = CSVReader(
            header, scanner, decimal, plan, columns.count, names, bytes: range.count, notation)
          do throws(Failure) {
            guard let end = try reader.readRows(in: range) else { return nil }
            return reader.table(columns, end: end)
          } catch {
            if reader.isCutOff && !header.file.reachesEnd { return nil }
            throw error
          }
        }
      }
    }
  }

  private init(
    _ header: CSVHeader, _ scanner: CSVScanner, _ decimal: DecimalTables, _ plan: UnsafeBufferPointer<Int>,
    _ width: Int, _ names: [Int], bytes: Int, _ notation: NumberNotation
  ) {
    self.notation = notation
    self.header = header
    self.scanner = scanner
    self.decimal = decimal
    self.plan = plan
    self.names = names.map { CSVTable.Names(fileColumn: $0) }
    // Most fields take eight bytes or more.
    let capacity = bytes / (8 * plan.count) + 16
    numbers = RowBuffer(width: width, capacity: capacity)
  }

  private consuming func table(_ columns: [Int], end: Int) -> CSVTable {
    let hasGaps = hasGaps
    return CSVTable(
      header: header, columns: columns, numbers: numbers, names: names, hasGaps: hasGaps, end: end)
  }

  /// Returns where the row after the last one begins, or nil where the bytes held end too early to tell.
  private mutating func readRows(in range: Range<Int>) throws(Failure) -> Int? {
    var p = scanner.base + range.lowerBound
    let limit = scanner.base + range.upperBound
    while p < limit {
      if p >= scanner.end { return header.file.reachesEnd ? p - scanner.base : nil }
      if scanner.endsLine(p.pointee) && scanner.isBlank(from: p) {
        return header.file.reachesEnd ? header.file.count : nil
      }
      p = try readRow(p)
      numbers.rows += 1
    }
    return p - scanner.base
  }

  /// Reads the row at `start` and returns where the next begins.
  @inline(__always)
  private mutating func readRow(_ start: UnsafePointer<UInt8>) throws(Failure) -> UnsafePointer<UInt8> {
    let out = numbers.next()
    let count = plan.count
    let isPlain = notation.isPlain
    var p = start
    for column in 0..<count {
      let slot = plan[column]
      if slot >= 0 {
        if isPlain, let number = decimal.parse(p), scanner.endsField(number.end.pointee),
          number.value.isFinite
        {
          out[slot] = number.value
          p = number.end
        } else {
          out[slot] = try unusualNumber(&p, column)
        }
      } else if slot == Self.skip && p.pointee != quotationMark {
        p = scanner.stop(p)
      } else {
        let field = try field(p, column)
        if slot <= Self.name { hasGaps = names[Self.name - slot].append(field, notation) || hasGaps }
        p = field.stop
      }
      let isLast = column == count - 1
      if isLast ? p.pointee == scanner.delimiter : p.pointee != scanner.delimiter {
        throw ragged(start)
      }
      if !isLast { p += 1 }
    }
    return scanner.nextLine(p)
  }

  /// A number with quotes or blanks around it or in another notation, a gap, or something that is no number.
  @inline(never)
  private mutating func unusualNumber(
    _ p: inout UnsafePointer<UInt8>, _ column: Int
  ) throws(Failure) -> Double {
    let field = try field(p, column)
    let start = p
    p = field.stop
    switch notation.number(in: field, decimal) {
    case .number(let number): return number
    case .gap:
      hasGaps = true
      return .nan
    case .tooLarge: throw failure(start, column, "\(quoted(field.contents)) is too large for a number")
    case .text:
      let remedy = notation.remedy(field.unquoted, decimal)
      throw failure(start, column, "\(quoted(field.contents)) is not a number\(remedy)")
    }
  }
}

extension CSVReader {
  private mutating func field(_ p: UnsafePointer<UInt8>, _ column: Int) throws(Failure) -> CSVScanner.Field {
    do { return try scanner.field(p) } catch {
      isCutOff = error.isOpen
      throw header.file.failure(at: error.offset, column: header.names[column], error.explanation)
    }
  }

  private func failure(_ p: UnsafePointer<UInt8>, _ column: Int, _ what: String) -> Failure {
    header.file.failure(at: p - scanner.base, column: header.names[column], what)
  }

  /// A row with too few or too many fields.
  private func ragged(_ start: UnsafePointer<UInt8>) -> Failure {
    var p = start
    var count = 1
    while let field = try? scanner.field(p), !scanner.endsLine(field.stop.pointee) {
      count += 1
      p = field.stop + 1
    }
    let expected = plan.count
    let what =
      scanner.endsLine(start.pointee)
      ? "is empty" : "has \(count) field\(count == 1 ? "" : "s")"
    let reference = header.hasNames ? "the header" : "the first row"
    let line = header.file.line(at: start - scanner.base)
    return .badData("\(header.file.location(line: line)): \(what), \(reference) has \(expected)")
  }
}
