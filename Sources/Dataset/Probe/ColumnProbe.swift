import Diagnostics
import Files

extension TableProbe {
  /// What stands in one column.
  package struct ProbedColumn {
    package enum Contents: Equatable {
      case numbers
      /// - pattern: in strftime's letters; nil for ISO 8601.
      case times(pattern: String?)
      case texts
      case nothing
    }

    package let name: String
    package let kind: Contents
    /// Rows without a value.
    package let missing: Int
    /// Different values.
    package let distinct: Int
    /// Whether all numbers are whole.
    package let isWhole: Bool
    /// By how much its whole numbers rise from each row to the next, where that is always the same.
    package let steadyStep: Double?
    /// Whether its numbers count the rows.
    package var isRowNumber: Bool { steadyStep == 1 }
    /// Of a column that is none of numbers, the first texts that are no numbers, and how many rows have such.
    package let strangers: [String]
    package let rowsOfStrangers: Int
    /// Whether its texts are codes, such as 1980-Q1, and nothing to read.
    package let isOfCodes: Bool
    /// Few texts in a column of numbers, which stand for missing ones.
    package let words: [String]
    /// Words that stand for a missing value where a recipe names none.
    package let gapWords: [String]
    /// How many rows have one of `words`.
    package let rowsOfWords: Int
    /// Whether all its texts are times of day, 14:30.
    package let isOfClocks: Bool
    /// What makes its numbers texts.
    package let mark: NumberMark?
    /// Whether it is called like a time and has years alone.
    package let isOfYears: Bool
    /// Another way to read its dates, day and month exchanged, that fits all of them about as well.
    package let otherPattern: String?
    /// Whether all rows but those without a value have times.
    package let hasHolesInTimes: Bool
    /// The first value that is no time, where nearly all others are.
    package let strayTime: StrayTime?
    /// The text of each row as a number; -1 where there is none.
    package let codes: [Int32]
    /// Of each row, where they are times.
    package private(set) var times: [Int] = []
  }
}

extension TableProbe.ProbedColumn {
  /// Of numbers, the fewest that may be among a few other texts.
  private static let mostlyNumbers = 0.9
  private static let mostWords = 3
  /// The same where those texts have neither letters nor digits: a dash is no class.
  private static let numbersBesideMarks = 0.5

  /// What columns of times are called, or a part of it.
  private static let timeNames = [
    "date", "datum", "fecha", "time", "zeit", "day", "month", "monat", "year", "jahr", "period", "yyyymm",
  ]

  /// - time: what a person said the column of times is called.
  init(_ table: CSVTable, _ place: Int, _ notation: NumberNotation, time: String?) {
    let column = table.names[place]
    let title = table.header.names[column.fileColumn]
    name = title
    let texts = (0..<column.texts.count).map { Array(column.texts[$0]) }
    let isGap = texts.map { notation.isGap($0) }
    let numbers = DecimalTables.with { tables in texts.map { Self.number($0, notation, tables) } }
    let rows = column.codes.map { $0 >= 0 && isGap[Int($0)] ? -1 : $0 }
    codes = rows
    let present = codes.filter { $0 >= 0 }
    missing = codes.count - present.count
    let used = texts.indices.filter { !isGap[$0] }
    gapWords = texts.indices.filter { isGap[$0] && !texts[$0].isEmpty }.map {
      String(decoding: texts[$0], as: UTF8.self)
    }
    distinct = used.count
    let others = used.filter { numbers[$0] == nil }
    let othersRows = present.count { numbers[Int($0)] == nil }
    let areMarks = others.allSatisfy { texts[$0].allSatisfy(Self.isMark) }
    let share = areMarks ? Self.numbersBesideMarks : Self.mostlyNumbers
    let areNumbers =
      !present.isEmpty && others.count <= Self.mostWords && others.count < used.count
      && Double(present.count - othersRows) >= share * Double(present.count)
    // text: what people call such columns, in letters of either case.
    let isCalledTime = Self.timeNames.contains { title.lowercased().contains($0) }
    let isNamed = isCalledTime || time.map { title.hasSameBytes(as: $0) } == true
    var rowsOfTexts = [Int](repeating: 0, count: texts.count)
    for code in present { rowsOfTexts[Int(code)] += 1 }
    let guess = Self.guess(
      used.map { texts[$0] }, rows: used.map { rowsOfTexts[$0] }, areNumbers: areNumbers, isNamed: isNamed,
      isInOrder: missing == 0 && codes.count == used.count)
    let isNumeric = areNumbers && guess == nil
    words = isNumeric ? others.map { String(decoding: texts[$0], as: UTF8.self) } : []
    rowsOfWords = isNumeric ? othersRows : 0
    let values = isNumeric ? present.compactMap { numbers[Int($0)] } : []
    isWhole = isNumeric && values.allSatisfy { $0 == $0.rounded() }
    strangers = isNumeric ? [] : others.prefix(3).map { String(decoding: texts[$0], as: UTF8.self) }
    rowsOfStrangers = isNumeric ? 0 : othersRows
    isOfCodes = used.allSatisfy { Self.isCode(texts[$0]) }
    let step = isWhole && values.count > 2 && missing == 0 && words.isEmpty ? values[1] - values[0] : 0
    steadyStep = step > 0 && zip(values, values.dropFirst()).allSatisfy { $1 - $0 == step } ? step : nil
    isOfYears =
      isCalledTime && isWhole && missing == 0 && words.isEmpty
      && values.allSatisfy { (1900...2100).contains($0) }
    let format = missing == 0 && guess?.isWhole == true ? guess : nil
    otherPattern = format?.other
    hasHolesInTimes = missing > 0 && used.count > 1 && guess?.isWhole == true
    kind =
      isNumeric ? .numbers : present.isEmpty ? .nothing : format.map { .times(pattern: $0.pattern) } ?? .texts
    isOfClocks = kind == .texts && used.allSatisfy { Self.isClock(texts[$0]) }
    func row(_ place: Int) -> Int { rows.firstIndex(of: Int32(used[place])) ?? 0 }
    let counted = used.map { (text: texts[$0], rows: rowsOfTexts[$0], isPlainNumber: numbers[$0] != nil) }
    strayTime = guess.flatMap {
      .init($0, counted) { table.location(row: row($0), fileColumn: column.fileColumn) }
    }
    mark =
      kind != .texts || guess != nil
      ? nil : .init(counted, notation) { table.header.line(ofRecord: table.record(row($0))) }
    // Where nothing is missing, every text is used.
    if let format { times = codes.map { format.times[Int($0)] ?? 0 } }
  }

  /// - isInOrder: whether each row has a text of its own.
  /// - Returns: how its times are written; nil for other columns.
  private static func guess(
    _ texts: [[UInt8]], rows: [Int], areNumbers: Bool, isNamed: Bool, isInOrder: Bool
  ) -> TimeGuess? {
    if texts.isEmpty { return nil }
    guard let digits = TimeGuess(digits: texts, rows: rows) else {
      return areNumbers ? nil : TimeGuess(texts, rows: rows)
    }
    // Numbers of eight digits may be anything else.
    let times = digits.times.compactMap(\.self)
    let isRising = isInOrder && digits.isWhole && zip(times, times.dropFirst()).allSatisfy { $0 < $1 }
    return isNamed || isRising ? digits : nil
  }

  /// A time of day of 24 hours, or of 12 with AM or PM.
  private static func isClock(_ text: [UInt8]) -> Bool {
    var reader = DigitReader(text.dropFirst().first == UInt8(ascii: ":") ? [48] + text : text)
    guard reader.clock() != nil else { return false }
    _ = reader.take(" ")
    return reader.isAtEnd
      || (reader.take(bytes: "AM".utf8) || reader.take(bytes: "PM".utf8)) && reader.isAtEnd
  }

  /// Neither a letter nor a digit, of any script.
  private static func isMark(_ byte: UInt8) -> Bool {
    byte < 128 && !(48...57).contains(byte) && !(65...90).contains(byte & 0xDF)
  }

  /// Short, with a digit, and of two words at most.
  private static func isCode(_ text: [UInt8]) -> Bool {
    text.count <= 24 && text.contains { (48...57).contains($0) } && text.count { $0 == 32 } < 2
  }

  private static func number(_ text: [UInt8], _ notation: NumberNotation, _ tables: DecimalTables) -> Double?
  {
    if let number = notation.strict(text, tables) { return number }
    let word = String(decoding: text, as: UTF8.self)
    // text: words that the readers of numbers know.
    return ["true": 1, "false": 0][Name(word.lowercased())]
  }
}

extension TableProbe {
  /// Seconds from a time to the next one, of the commonest steps; nil without two times.
  /// - series: columns that tell series apart.
  package func step(_ time: ProbedColumn, series: [ProbedColumn]) -> Double? {
    var counts: [Int: Int] = [:]
    for rows in runs(series) {
      let times = rows.map { time.times[$0] }.sorted()
      for (before, after) in zip(times, times.dropFirst()) where after > before {
        counts[after - before, default: 0] += 1
      }
    }
    return counts.max { ($0.value, -$0.key) < ($1.value, -$1.key) }.map { Double($0.key) / 1e6 }
  }

  /// How the times of the longest series go on; irregular where those of any one are.
  ///
  /// A forecast finds the step of each series in the same way.
  /// - series: columns that tell series apart.
  package func timeStep(_ time: ProbedColumn, series: [ProbedColumn]) -> TimeStep {
    let runs = runs(series).filter { $0.count > 1 }.sorted { $0.count > $1.count }
    let steps = runs.map { TimeStep($0.map { time.times[$0] }.sorted()[...], isDate: true) }
    return steps.contains(.irregular) ? .irregular : steps.first ?? .irregular
  }

  /// The rows of each series.
  package func runs(_ series: [ProbedColumn]) -> [[Int]] {
    var groups: [[Int32]: [Int]] = [:]
    for row in 0..<rows { groups[series.map { $0.codes[row] }, default: []].append(row) }
    return groups.values.sorted { $0[0] < $1[0] }
  }

  /// Whether no series has two rows of the same time.
  package func areDistinct(_ time: ProbedColumn, series: [ProbedColumn]) -> Bool {
    repeats(time, series: series) == 0
  }

  /// How many rows have the time of another one of their series.
  package func repeats(_ time: ProbedColumn, series: [ProbedColumn]) -> Int {
    runs(series).reduce(0) { sum, rows in sum + rows.count - Set(rows.map { time.times[$0] }).count }
  }

  /// Whether times go on from row to row.
  package func isInOrder(_ time: ProbedColumn) -> Bool {
    zip(time.times, time.times.dropFirst()).allSatisfy { $0 < $1 }
  }
}
