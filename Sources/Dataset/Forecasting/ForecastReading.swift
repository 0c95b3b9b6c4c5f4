import Diagnostics
import Files

/// Reads a table for forecasts: the end of each series, with rows after it.
struct ForecastReading {
  private(set) var rows: TableRows
  private(set) var starts: [Int] = [0]
  private(set) var series: [ForecastSource.Series] = []
  private(set) var short: [(name: String, missing: Int)] = []
  let format: TimeFormat?

  init(_ data: DataSpecification, _ room: ForecastSource.Room) throws(Failure) {
    var data = data
    data.allowsStreams = true
    var files: [InputFile] = []
    for path in try data.mainFiles() {
      files.append(try data.open(path, key: data.paths.isEmpty ? data.pathName : data.pathsName))
    }
    let table = try SeriesTable(files, data)
    try table.requireDates(data)
    format = table.format
    rows = table.rows
    let future = try data.knownPath.map { (path) throws(Failure) in
      try KnownRows(path, data, table, into: &rows)
    }
    var kept: [Int] = []
    for number in 0..<table.count {
      let history = table.history(number)
      guard history.count >= room.kept else {
        short.append((table.names[number], room.kept - history.count))
        continue
      }
      kept.append(number)
    }
    guard !kept.isEmpty else { throw Self.tooShort(table, short, data, room) }
    try room.requireMemory(kept.count, rows.bytesPerRow)
    var order: [Int] = []
    for number in kept {
      let history = table.history(number)
      let last = history.upperBound - 1
      order += history.suffix(room.kept) + [Int](repeating: last, count: room.steps)
      starts.append(order.count)
    }
    let whole = rows
    rows.keep(order)
    for (place, number) in kept.enumerated() {
      try addSeries(place, number, table, whole, future, data, room)
    }
  }

  /// Fills the rows after a series with what is known of them.
  private mutating func addSeries(
    _ place: Int, _ number: Int, _ table: SeriesTable, _ whole: TableRows, _ future: KnownRows?,
    _ data: DataSpecification, _ room: ForecastSource.Room
  ) throws(Failure) {
    let last = table.history(number).upperBound - 1
    let step = table.step(number)
    let past = whole.times.isEmpty ? [] : whole.times[table.history(number)]
    let breaks = BrokenSteps(broken: step.breaks(in: past), all: past.count - 1)
    let held = table.withheld?.count(number) ?? 0
    var times: [String?] = []
    // Where the times go on from: what is given may not stand where the step leads to.
    var (start, reached) = (whole.times.isEmpty ? 0 : whole.times[last], 0)
    var goesOnByStep = false
    let own = future?.rows(number)
    // A category that changes from row to row is not known after the last one.
    let changing = rows.roles.categories.filter { column in
      table.history(number).contains { whole.codes[column][$0] != whole.codes[column][last] }
    }
    for k in 1...max(1, room.steps) where k <= room.steps {
      let row = starts[place] + room.kept - 1 + k
      for column in 0..<rows.width where !rows.roles.statics.contains(column) { rows[row, column] = .nan }
      for column in changing { rows.codes[column][row] = -1 }
      let known = own.flatMap { $0.indices.contains(k - held - 1) ? $0[k - held - 1] : nil }
      if let known { copy(known, to: row, from: whole) }
      if k <= held {
        for column in rows.roles.known { rows[row, column] = table.withheld!.number(number, step: k, column) }
      }
      guard let format else {
        times.append(nil)
        continue
      }
      let next = table.time(step, after: start, steps: k - reached)
      let given = k <= held ? table.withheld?.time(number, step: k) : known.map { whole.times[$0] }
      if given == nil, next == nil, step != .irregular { throw endOfTime(table, number, k) }
      let time = given ?? next ?? TableRows.unknownTime
      if let known, let next, step.isExact, !breaks.areMany, time != next {
        throw .badData(
          "\(whole.location(known, name: whole.roles.time ?? 0)): the time is \(quoted(format.text(of: time))), and the next row\(words(table, number)) "
            + "is of \(quoted(format.text(of: next))); add it to --known")
      }
      if let given { (start, reached) = (given, k) } else if next != nil { goesOnByStep = true }
      rows.times[row] = time
      times.append(time == TableRows.unknownTime ? nil : format.text(of: time))
      if time == TableRows.unknownTime, !data.calendar.isEmpty { throw irregular(table, number) }
    }
    let targets = rows.roles.targets
    func values(_ row: Int) -> [Double] { targets.map { whole[row, $0] } }
    series.append(
      .init(
        name: table.names[number], lastRecord: whole.origins[last].record, times: times,
        history: table.history(number).map(values),
        truth: (0..<held).map { step in
          targets.map { table.withheld!.number(number, step: step + 1, $0) }
        },
        broken: goesOnByStep && breaks.areMany ? breaks : BrokenSteps()))
  }

  /// What a row of the file of known rows says; the rest stays as it is in the last row.
  private mutating func copy(_ known: Int, to row: Int, from whole: TableRows) {
    rows.origins[row] = whole.origins[known]
    for column in 0..<rows.width where !whole[known, column].isNaN {
      rows[row, column] = whole[known, column]
    }
    for column in rows.codes.indices where whole.codes[column][known] >= 0 {
      rows.codes[column][row] = whole.codes[column][known]
    }
  }

  /// - step: the first that has no time.
  private func endOfTime(_ table: SeriesTable, _ number: Int, _ step: Int) -> Failure {
    let end = table.format?.isDate == true ? "the year 9999" : "\(TimeFormat.numbers.upperBound)"
    return .badData(
      "\(rows.path): the times\(words(table, number)) go on beyond \(end) from step \(step) on, where none can be written; "
        + "forecast fewer --steps")
  }

  private func irregular(_ table: SeriesTable, _ number: Int) -> Failure {
    .badData(
      "\(rows.path): the times\(words(table, number)) have no regular step, and data.calendar reads those after the last row; give them by --known FILE"
    )
  }

  private func words(_ table: SeriesTable, _ number: Int) -> String {
    let name = table.names[number]
    return name.isEmpty ? "" : " of series \(quoted(name))"
  }

  private static func tooShort(
    _ table: SeriesTable, _ short: [(name: String, missing: Int)], _ data: DataSpecification,
    _ room: ForecastSource.Room
  ) -> Failure {
    let longest = short.min { $0.missing < $1.missing } ?? ("", 0)
    let least = longest.missing
    let name = longest.name.isEmpty ? "" : " \(quoted(longest.name))"
    let owner =
      table.count > 1 ? "the longest series\(name) has" : name.isEmpty ? "there are" : "series\(name) has"
    let what =
      room.kept == data.window
      ? "data.window sees \(data.window) rows"
      : "data.window sees \(data.window) rows, and data.horizon asks for \(room.kept - data.window) windows before the last"
    return .badData(
      "\(table.rows.path): \(what), and \(owner) \(room.kept - least)\(data.heldBack): "
        + (data.withheldRows > 0 ? DataSpecification.fewerFolds : "give \(least) more"))
  }
}

extension ForecastSource.Room {
  /// Rows to forecast are held in memory, and so is what is forecast of them.
  fileprivate func requireMemory(_ series: Int, _ bytesPerRow: Int) throws(Failure) {
    let each = Double(bytesPerRow + MemoryLayout<Int>.stride + MemoryLayout<String?>.stride)
    let of = series == 1 ? "" : " of \(series) series"
    try AvailableMemory.require(
      Double(series) * Double(rows) * each, for: "\(steps) steps\(of) need", fix: "forecast fewer --steps")
  }
}

/// Of the steps from row to row of some series, those that are not the one by which their times go on.
public struct BrokenSteps: Sendable, Equatable {
  public var broken = 0
  public var all = 0

  /// Whether it is more than single rows that are missing: nights, weekends.
  var areMany: Bool { broken >= 3 && broken * 20 > all }
}

/// Rows after the last ones, as far as they are known in advance: a file of its own.
struct KnownRows {
  /// Of each series the rows after its last, by time where there are times.
  private var own: [[Int]]
  private let times: [Int]

  /// - rows: get those of the file after their own.
  init(_ path: String, _ data: DataSpecification, _ table: SeriesTable, into rows: inout TableRows)
    throws(Failure)
  {
    let first = rows.rows
    let file = try data.open(path, key: "--known")
    try rows.append(CSVHeader(file, data), data, isAhead: true)
    _ = try rows.readTimes(data, as: table.format)
    times = rows.times
    own = [[Int]](repeating: [], count: table.count)
    let columns = rows.roles.series
    let texts = try columns.map { (column) throws(Failure) in try rows.seriesNames(column) }
    let places = Dictionary(uniqueKeysWithValues: table.names.enumerated().map { (Name($1), $0) })
    for row in first..<rows.rows {
      // Without a column that names series the rows are those of each.
      var owners = Array(0..<table.count)
      if !columns.isEmpty {
        if let gap = columns.first(where: { rows.isMissing(row, name: $0) }) {
          throw .badData(
            "\(rows.location(row, name: gap)): the name of the series is missing; fill it or remove the row")
        }
        let name = zip(columns, texts).map { $1[Int(rows.codes[$0][row])] }.joined(separator: "/")
        guard let series = places[Name(name)] else {
          throw .badData(
            "\(rows.location(row, name: rows.roles.series[0])): there is no series \(quoted(name)) to go on from; remove the row"
          )
        }
        owners = [series]
      }
      for series in owners {
        if times.isEmpty || times[row] > table.lastTime(series) { own[series].append(row) }
      }
    }
    for series in own.indices where !times.isEmpty { own[series].sort { times[$0] < times[$1] } }
    try requireDistinct(rows)
  }

  private func requireDistinct(_ rows: TableRows) throws(Failure) {
    guard let column = rows.roles.time else { return }
    for own in own {
      for (a, b) in zip(own, own.dropFirst()) where times[a] == times[b] {
        throw .badData(
          "\(rows.location(b, name: column)): the time stands twice in --known; keep one of the rows")
      }
    }
  }

  /// Step by step.
  func rows(_ series: Int) -> [Int] { own[series] }
}

extension SeriesTable {
  /// Of the last row of a series, of those withheld too; a series without rows has none that is later.
  fileprivate func lastTime(_ series: Int) -> Int {
    if let withheld, withheld.count(series) > 0,
      let time = withheld.time(series, step: withheld.count(series))
    {
      return time
    }
    let history = history(series)
    return history.isEmpty ? .max : rows.times[history.upperBound - 1]
  }
}
