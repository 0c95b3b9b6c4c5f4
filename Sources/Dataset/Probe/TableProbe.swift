import Diagnostics
import Files

/// What a CSV file looks like that nobody has described yet: how it is written, and what stands in its columns.
package struct TableProbe {
  package let delimiter: String
  package let hasHeader: Bool
  /// The mark in front of fractions, and that between groups of digits.
  package let decimal: String
  package let thousands: String?
  package let rows: Int
  package private(set) var columns: [ProbedColumn] = []

  /// A number whose fraction could be a group of digits as well, where all are such that have one.
  package let groupedElsewhere: String?

  /// - time: what a person said the column of times is called.
  /// - Throws: a `Failure` where it is no table.
  package init(_ file: InputFile, time: String? = nil) throws(Failure) {
    let delimiter = try Self.delimiter(file)
    var header = try CSVHeader(file, delimiter: delimiter, hasNames: true)
    var table = try Self.table(header)
    var notation = Self.notation(table, delimiter)
    if Self.isData(header, table, notation) {
      header = try CSVHeader(file, delimiter: delimiter, hasNames: false)
      table = try Self.table(header)
      notation = Self.notation(table, delimiter)
    }
    self.delimiter = String(UnicodeScalar(delimiter))
    hasHeader = header.hasNames
    decimal = String(UnicodeScalar(notation.decimal))
    thousands = notation.thousands.map { String(UnicodeScalar($0)) }
    rows = table.rows
    groupedElsewhere = delimiter == comma ? nil : notation.groupedElsewhere(table)
    columns = table.names.indices.map { ProbedColumn(table, $0, notation, time: time) }
  }

  private static func table(_ header: CSVHeader) throws(Failure) -> CSVTable {
    try CSVReader.read(
      header, columns: [], names: Array(header.names.indices), gaps: nil)
  }

  /// The mark that cuts the first lines into equally many fields, the most of them.
  private static func delimiter(_ file: InputFile) throws(Failure) -> UInt8 {
    if file.count == 0 { throw file.failure("is empty") }
    let start = try file.textStart()
    let marks = [comma, UInt8(ascii: ";"), tab, UInt8(ascii: "|")]
    let widths = try marks.map { (mark) throws(Failure) in
      try file.withScanner(delimiter: mark) { (scanner) throws(Failure) in
        let counts = scanner.fieldCounts(from: scanner.base + start, lines: 50)
        return Set(counts).count == 1 ? counts[0] : 0
      }
    }
    let best = widths.indices.max { (widths[$0], -$0) < (widths[$1], -$1) }!
    return widths[best] > 1 ? marks[best] : comma
  }

  /// How numbers are written: as usual, unless more fields are numbers in another notation.
  private static func notation(_ table: CSVTable, _ delimiter: UInt8) -> NumberNotation {
    let (point, blank, tick) = (UInt8(ascii: "."), space, UInt8(ascii: "'"))
    let others: [(UInt8, UInt8?)] = [
      (point, comma), (comma, nil), (comma, point), (comma, blank), (point, blank), (point, tick),
    ]
    // Where commas set fields apart, those within one group digits.
    let ordered =
      delimiter == comma ? others : [others[1], others[2], others[3], others[0], others[4], others[5]]
    let notations = [NumberNotation()] + ordered.map { NumberNotation(decimal: $0.0, thousands: $0.1) }
    let found = notations.map { notation in
      DecimalTables.with { tables in
        table.names.reduce(0) { sum, column in
          sum + (0..<column.texts.count).count { notation.strict(Array(column.texts[$0]), tables) != nil }
        }
      }
    }
    return notations[found.indices.max { (found[$0], -$0) < (found[$1], -$1) }!]
  }

  /// Whether what was taken for names is a row like the others: a number or a time above such, a text that stands twice in it and
  /// again below, or texts that all stand below.
  private static func isData(_ header: CSVHeader, _ table: CSVTable, _ notation: NumberNotation) -> Bool {
    if hasTitle(header, table, notation) || areYears(header.names) { return false }
    let names = header.names.map { Name($0) }
    if names.count > 1,
      names.indices.allSatisfy({ place in
        !names[place].text.isEmpty && table.names[place].texts.holds(header.names[place])
      })
    {
      return true
    }
    let repeated = names.indices.filter { place in
      !names[place].text.isEmpty && names.count { $0 == names[place] } > 1
    }
    if !repeated.isEmpty, repeated.allSatisfy({ table.names[$0].texts.holds(header.names[$0]) }) {
      return true
    }
    return DecimalTables.with { tables in
      header.names.indices.contains { index in
        let text = Array(header.names[index].utf8)
        let column = table.names[index].texts
        guard column.count > 0 else { return false }
        if notation.strict(text, tables) != nil {
          return (0..<column.count).contains { notation.strict(Array(column[$0]), tables) != nil }
        }
        return ISOTime(text) != nil && ISOTime(Array(column[0])) != nil
      }
    }
  }
}

extension TableProbe {
  /// Whether a name is none of what its column holds: letters alone above texts that all have digits. Numbers may be names then, as
  /// of shops or years.
  private static func hasTitle(_ header: CSVHeader, _ table: CSVTable, _ notation: NumberNotation) -> Bool {
    func hasDigit(_ text: some Sequence<UInt8>) -> Bool { text.contains { (48...57).contains($0) } }
    return header.names.indices.contains { place in
      let (name, texts) = (Array(header.names[place].utf8), table.names[place].texts)
      let isWord = !hasDigit(name) && !notation.isGap(name) && name.contains { (65...90).contains($0 & 0xDF) }
      guard isWord else { return false }
      return (0..<texts.count).contains { hasDigit(texts[$0]) }
        && (0..<texts.count).allSatisfy { hasDigit(texts[$0]) || notation.isGap(Array(texts[$0])) }
    }
  }

  /// Columns that are called by a time.
  package var titlesOfTimes: [String] { columns.map(\.name).filter { ISOTime(Array($0.utf8)) != nil } }

  /// Whether names go on year by year.
  private static func areYears(_ names: [String]) -> Bool {
    let years = names.compactMap { Int($0) }
    return years.count > 2 && years.allSatisfy { (1800...2200).contains($0) }
      && zip(years, years.dropFirst()).allSatisfy { $0 + 1 == $1 }
  }
}

extension NameTable {
  fileprivate func holds(_ name: String) -> Bool {
    (0..<count).contains { self[$0].elementsEqual(name.utf8) }
  }
}

extension NumberNotation {
  /// The first number with a fraction, where each of them has one that could be the only group of three digits.
  fileprivate func groupedElsewhere(_ table: CSVTable) -> String? {
    guard thousands == nil else { return nil }
    let swapped = NumberNotation(decimal: decimal == comma ? UInt8(ascii: ".") : comma, thousands: decimal)
    return DecimalTables.with { tables in
      var first: [UInt8]?
      for column in table.names {
        for code in 0..<column.texts.count {
          let text = Array(column.texts[code])
          guard text.contains(decimal), strict(text, tables) != nil else { continue }
          // No group begins with a zero.
          let digits = text.drop { $0 == UInt8(ascii: "-") }
          guard digits.first != 48, swapped.strict(text, tables) != nil else { return nil }
          first = first ?? text
        }
      }
      return first.map { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// The number, where its digits are grouped by threes or not at all: a date is none.
  func strict(_ text: [UInt8], _ tables: DecimalTables) -> Double? {
    if let thousands, text.contains(thousands) {
      let whole = text.prefix { $0 != decimal }
      let groups = whole.split(separator: thousands, omittingEmptySubsequences: false)
      let digits = groups.map { $0.count { (48...57).contains($0) } }
      guard (1...3).contains(digits[0]), digits.dropFirst().allSatisfy({ $0 == 3 }) else { return nil }
    }
    return parse(text, tables)
  }
}

extension CSVScanner {
  /// Fields of the first lines, as far as their quotes allow.
  fileprivate func fieldCounts(from start: UnsafePointer<UInt8>, lines: Int) -> [Int] {
    var counts: [Int] = []
    var (p, count) = (start, 1)
    while p < end, counts.count < lines, !isBlank(from: p) {
      guard let field = try? field(p) else { return [] }
      if endsLine(field.stop.pointee) {
        counts.append(count)
        (p, count) = (nextLine(field.stop), 1)
      } else {
        (p, count) = (field.stop + 1, count + 1)
      }
    }
    return counts
  }
}
