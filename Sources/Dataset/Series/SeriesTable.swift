import Diagnostics
import Files

/// The rows of a table as series: those of one side by side, in the order of their times.
struct SeriesTable {
  private(set) var rows: TableRows
  /// The first row of each series, and the end of the last.
  private(set) var starts: [Int]
  /// After the last row of each that has more than what is known in advance.
  private(set) var ends: [Int]
  /// Of each series; "" for one that has none.
  let names: [String]
  /// How times are written, where there are some.
  let format: TimeFormat?
  /// With `withheldRows`, what was left out.
  let withheld: WithheldRows?

  var count: Int { names.count }
  func history(_ series: Int) -> Range<Int> { starts[series]..<ends[series] }
  /// The series that a row belongs to.
  func series(of row: Int) -> Int {
    var (low, high) = (0, count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= row { low = middle } else { high = middle }
    }
    return low
  }

  init(_ files: [InputFile], _ data: DataSpecification) throws(Failure) {
    var rows = TableRows(ColumnRoles(data))
    for file in files { try rows.append(CSVHeader(file, data), data) }
    format = try rows.readTimes(data, as: nil)
    let keys = try data.group == nil ? rows.seriesKeys(data) : rows.sequenceKeys()
    var names = keys.names
    rows.keep(try rows.order(by: keys, data))
    var starts = rows.starts(of: keys)
    try rows.requireDistinctTimes(starts, names)
    withheld = WithheldRows(data.withheldRows, of: &rows, &starts)
    starts = try rows.closeGaps(data, starts)
    if data.group != nil {
      // A sequence is a sample, and has a row at least.
      let kept = names.indices.filter { starts[$0] < starts[$0 + 1] }
      (names, starts) = (kept.map { names[$0] }, kept.map { starts[$0] } + [rows.rows])
    }
    ends = zip(starts, starts.dropFirst()).map { first, end in
      guard let ahead = data.firstRowAhead else { return end }
      return (first..<end).first { rows.origins[$0].record >= ahead } ?? end
    }
    (self.rows, self.starts, self.names) = (rows, starts, names)
    try requireConstant(rows.roles.statics)
  }

  private func requireConstant(_ columns: [Int]) throws(Failure) {
    for column in columns {
      for series in 0..<count {
        for row in history(series) where rows[row, column] != rows[starts[series], column] {
          throw .badData(
            "\(rows.location(row, number: column)): data.static wants one value in all rows of a series, and the rows before have "
              + "\(rows[starts[series], column]); name the column in data.features instead")
        }
      }
    }
  }
}

/// The last rows of each series, which nothing may see but who compares with them.
struct WithheldRows {
  private let rows: TableRows
  private let starts: [Int]

  /// Takes them out of a table, and says where series then start.
  fileprivate init?(_ count: Int, of table: inout TableRows, _ starts: inout [Int]) {
    guard count > 0 else { return nil }
    var (kept, keptStarts, out, outStarts): ([Int], [Int], [Int], [Int]) = ([], [0], [], [0])
    for (first, end) in zip(starts, starts.dropFirst()) {
      let cut = max(first, end - count)
      kept += first..<cut
      out += cut..<end
      keptStarts.append(kept.count)
      outStarts.append(out.count)
    }
    var rows = table
    rows.keep(out)
    (self.rows, self.starts) = (rows, outStarts)
    table.keep(kept)
    starts = keptStarts
  }

  func count(_ series: Int) -> Int { starts[series + 1] - starts[series] }
  /// - step: from 1.
  func time(_ series: Int, step: Int) -> Int? {
    rows.times.isEmpty ? nil : rows.times[starts[series] + step - 1]
  }
  func number(_ series: Int, step: Int, _ column: Int) -> Double { rows[starts[series] + step - 1, column] }
}

extension CSVHeader {
  init(_ file: InputFile, _ data: DataSpecification) throws(Failure) {
    try self.init(file, delimiter: data.delimiterByte(), hasNames: data.header)
  }
}

/// Which series each row belongs to.
struct SeriesKeys {
  /// Of each series, in the order in which the series are to stand.
  var names: [String]
  /// Of each row the place of its series in `names`, by the number it had when it was read.
  var numbers: [Int]
}

extension TableRows {
  /// Reads the column of times.
  /// - format: of the table that these rows go on from; else the first one's.
  mutating func readTimes(_ data: DataSpecification, as format: TimeFormat?) throws(Failure) -> TimeFormat? {
    guard let column = roles.time, rows > 0 else { return format }
    func wrong(_ row: Int, _ what: String) -> Failure {
      .badData(
        "\(location(row, name: column)): \(what); a time is like 2024-03-05 or 2024-03-05 14:30, a whole number, or as data.time_format says"
      )
    }
    if let row = codes[column].firstIndex(of: -1) { throw wrong(row, "the time is missing") }
    let first = Array(text(0, column)!)
    func tooLarge(_ text: some Sequence<UInt8>) -> String? {
      TimeFormat.isTooLarge(Array(text))
        ? "\(quoted(Array(text))) is too large for a time, which is a whole number of up to \(TimeFormat.numbers.upperBound)"
        : nil
    }
    var found = format
    if found == nil { found = try TimeFormat(pattern: data.timeFormat, first: first) }
    guard var own = found else { throw wrong(0, tooLarge(first) ?? "\(quoted(first)) is not a time") }
    // Those that go on from a table do not change how it writes times.
    let parsed = (0..<texts[column].count).map { own.read(Array(texts[column][$0])) }
    if own.mixesZones { throw mixedZones(column) }
    if let format { own = format }
    times = codes[column].map { parsed[Int($0)] ?? Self.unknownTime }
    if let row = times.firstIndex(of: Self.unknownTime) {
      let text = text(row, column)!
      let what = own.isDate ? "a time" : "a whole number, as the first one is"
      throw wrong(row, (own.isDate ? nil : tooLarge(text)) ?? "\(quoted(text)) is not \(what)")
    }
    return own
  }

  private func mixedZones(_ column: Int) -> Failure {
    func first(_ hasZone: Bool) -> Int? {
      (0..<rows).first { row in
        text(row, column).flatMap { ISOTime(Array($0)) }.map { ($0.style.zone != nil) == hasZone } == true
      }
    }
    guard let with = first(true), let without = first(false) else {
      return .badData("\(path): some times have an offset from UTC, and others none")
    }
    return .badData(
      "\(location(without, name: column)): the time \(quoted(text(without, column)!)) has no offset from UTC, and "
        + "\(quoted(text(with, column)!)) in line \(line(of: with)) has one; write all of them with it, or none"
    )
  }

  /// By the columns that name series, by the file, or by the column of a wide table.
  func seriesKeys(_ data: DataSpecification) throws(Failure) -> SeriesKeys {
    for column in roles.series {
      guard let row = codes[column].firstIndex(of: -1) else { continue }
      throw .badData(
        "\(location(row, name: column)): the name of the series is missing; fill it or remove the row")
    }
    var parts: [(codes: [Int], names: [String])] = []
    for column in roles.series { parts.append((codes[column].map { Int($0) }, try seriesNames(column))) }
    if !data.wide.isEmpty {
      parts.append(numbered { Name(files[$0.file].names[$0.column ?? 0]) })
    }
    if !data.paths.isEmpty, roles.series.isEmpty {
      parts.append(numbered { Name(Paths.name(of: files[$0.file].file.path)) })
    }
    guard !parts.isEmpty else { return SeriesKeys(names: [""], numbers: [Int](repeating: 0, count: rows)) }
    // Pairs of what has been put together so far and the next part are numbered anew.
    var (numbers, names) = (parts[0].codes, parts[0].names)
    for part in parts.dropFirst() {
      numbers = zip(numbers, part.codes).map { $0 * part.names.count + $1 }
      names = names.flatMap { first in part.names.map { "\(first)/\($0)" } }
    }
    return SeriesKeys(sorting: names, numbers)
  }

  /// The texts of a column that names series, by their codes, as they stand in the names of series: what is between two parts of a
  /// name must not stand in one.
  func seriesNames(_ column: Int) throws(Failure) -> [String] {
    try names(column).map { roles.series.count > 1 ? $0.escaped("/") : $0 }
  }

  /// Names that come from where a row stands, numbered.
  private func numbered(_ name: (RowOrigin) -> Name) -> (codes: [Int], names: [String]) {
    var found: [Name: Int] = [:]
    var names: [String] = []
    let codes = origins.map { origin in
      let name = name(origin)
      if let code = found[name] { return code }
      found[name] = names.count
      names.append(name.text)
      return names.count - 1
    }
    return (codes, names)
  }

  /// Runs of rows with the same name, in the order of the file.
  func sequenceKeys() throws(Failure) -> SeriesKeys {
    guard let column = roles.group else { preconditionFailure("there are no sequences") }
    var keys = SeriesKeys(names: [], numbers: [])
    var seen: Set<Int32> = []
    var current: Int32?
    for (row, code) in codes[column].enumerated() {
      if code < 0 { throw .badData("\(location(row, name: column)): the name of the sequence is missing") }
      if code != current {
        // text: these are numbers.
        guard seen.insert(code).inserted else {
          throw .badData(
            "\(location(row, name: column)): sequence \(quoted(text(row, column) ?? [])) was complete; put its rows together"
          )
        }
        current = code
        keys.names.append(String(decoding: text(row, column) ?? [], as: UTF8.self))
      }
      keys.numbers.append(keys.names.count - 1)
    }
    return keys
  }

  /// The texts of a column by their codes.
  /// - Throws: a `Failure` where one is not UTF-8.
  func names(_ column: Int) throws(Failure) -> [String] {
    try (0..<texts[column].count).map { (code) throws(Failure) in
      if let name = Name(utf8: texts[column][code]) { return name.text }
      let row = codes[column].firstIndex(of: Int32(code)) ?? 0
      throw .badData(
        "\(location(row, name: column)): \(quoted(texts[column][code])) is not UTF-8; save the file as UTF-8")
    }
  }
}

extension SeriesKeys {
  /// Only those that occur, in the order of class names.
  init(sorting names: [String], _ numbers: [Int]) {
    let used = Set(numbers).sorted()
    let sorted = sortedClassNames(used.map { names[$0] })
    let places = Name.numbers(sorted)
    let map = Dictionary(uniqueKeysWithValues: used.map { ($0, Int(places[Name(names[$0])]!)) })
    self.init(names: sorted, numbers: numbers.map { map[$0]! })
  }
}

extension String {
  /// With a backslash in front of each of these marks and of each backslash.
  fileprivate func escaped(_ mark: String) -> String {
    replacing("\\", with: "\\\\").replacing(mark, with: "\\" + mark)
  }
}
