import Foundation
import TestSupport
import Testing

/// What `recur init` takes for times, and what of them it says.
@Suite(.tags(.mpi)) struct InitTimeTests {
  private func run(_ folder: Folder, _ words: String...) throws -> Command.Outcome {
    try Command.run(arguments: ["init"] + words, in: folder.url)
  }

  private func table(_ folder: Folder, _ name: String, _ header: String, _ rows: [String]) throws {
    try folder.write(name, ([header] + rows).joined(separator: "\n") + "\n")
  }

  private func table(_ folder: Folder, _ rows: [String]) throws {
    try table(folder, "t.csv", "date,y", rows)
  }

  private static func date(_ day: Int, _ pattern: String = "yyyy-MM-dd") -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "UTC")
    formatter.dateFormat = pattern
    return formatter.string(from: Date(timeIntervalSince1970: Double(day) * 86_400))
  }

  private static func days(_ count: Int, _ pattern: String = "yyyy-MM-dd") -> [String] {
    (0..<count).map { date(19_723 + $0, pattern) }
  }

  private static func rows(_ times: [String]) -> [String] {
    times.enumerated().map { "\($1),\($0 * 7 % 11)" }
  }

  /// Trains the recipe that init wrote, and forecasts.
  private func forecast(_ folder: Folder, _ recipe: String, _ words: String...) throws -> Command.Outcome {
    try folder.write("recipe.yaml", recipe)
    let train = try Command.run(
      "train", "recipe.yaml", "--out", "run", "--overwrite", "--set", "train.epochs=1", in: folder.url)
    try #require(train.status == 0, "\(train.err)")
    return try Command.run(arguments: ["forecast", "run"] + words, in: folder.url)
  }

  @Test func datesOfDigitsAreDates() throws {
    let folder = try Folder()
    try table(folder, Self.rows(Self.days(60, "yyyyMMdd")))
    let day = try run(folder, "t.csv")
    #expect(
      day.out.contains("time_format: \"%Y%m%d\"") && day.out.contains("a row every day"),
      "\(day.out) \(day.err)")
    // 2024 is a leap year: after February 29 comes March 1.
    let next = try forecast(folder, day.out)
    #expect(next.out.contains(",20240301,1,"), "\(next.out) \(next.err)")
    let months = (0..<60).map { "\(2000 + $0 / 12)\(String(format: "%02d", $0 % 12 + 1))" }
    try table(folder, "m.csv", "x,y", Self.rows(months))
    let month = try run(folder, "m.csv")
    #expect(
      month.out.contains("time_format: \"%Y%m\"") && month.out.contains("a row every month"), "\(month.out)")
    // A panel is in no order of times: what the column is called says it.
    let panel = Self.days(40, "yyyyMMdd").enumerated().flatMap { place, day in
      ["A", "B"].map { "\(day),\($0),\(place % 7)" }
    }
    try table(folder, "p.csv", "Datum,shop,y", panel)
    #expect(try run(folder, "p.csv").out.contains("time: Datum"))
    try table(folder, "q.csv", "id,shop,y", panel)
    #expect(try !run(folder, "q.csv").out.contains("time:"))
    #expect(try run(folder, "q.csv", "--time", "id").out.contains("time_format: \"%Y%m%d\""))
    // Numbers of eight digits that are no dates stay numbers.
    try table(folder, "n.csv", "date,y", (0..<60).map { "\(20_241_301 + $0),\($0 * 7 % 11)" })
    #expect(try !run(folder, "n.csv").out.contains("time:"))
  }

  @Test func yearsAreHinted() throws {
    let folder = try Folder()
    try table(folder, "t.csv", "year,y", (0..<60).map { "\(1960 + $0),\($0 * 7 % 11)" })
    #expect(try run(folder, "t.csv").err.contains("'year' has years: where it is the time, give --time year"))
    try table(folder, "n.csv", "size,y", (0..<60).map { "\(1960 + $0),\($0 * 7 % 11)" })
    #expect(try !run(folder, "n.csv").err.contains("has years"))
  }

  /// Of day and month the order is meant whose steps are regular; else the guess is said.
  @Test func theRegularOrderOfDayAndMonthIsMeant() throws {
    let folder = try Folder()
    let months = (0..<60).map { "01/\(String(format: "%02d", $0 % 12 + 1))/\(2020 + $0 / 12)" }
    try table(folder, Self.rows(months))
    let monthly = try run(folder, "t.csv")
    #expect(
      monthly.out.contains("time_format: \"%d/%m/%Y\"") && monthly.out.contains("a row every month"),
      "\(monthly.out)")
    #expect(!monthly.err.contains("would fit as well"), "\(monthly.err)")
    let american = (0..<60).map { "\(String(format: "%02d", $0 % 12 + 1))/01/\(2020 + $0 / 12)" }
    try table(folder, Self.rows(american))
    #expect(try run(folder, "t.csv").out.contains("time_format: \"%m/%d/%Y\""))
    // Twelve days of January are twelve months of a year as well.
    try table(folder, Self.rows(Array(months.prefix(12))))
    #expect(try run(folder, "t.csv").err.contains("would fit as well (data.time_format)"))
  }

  /// A last line with a sum, or a wrong date, does not put the times away.
  @Test(arguments: [
    ("yyyy-MM-dd", "Total", "ISO 8601"), ("dd.MM.yyyy", "31.02.2024", "%d.%m.%Y"),
    ("dd MMMM yy", "Summe", "%d %B %y"), ("dd MMM yyyy", "05 Foo 2024", "%d %b %Y"),
    ("yyyyMMdd", "20240230", "%Y%m%d"), ("yyyyMMdd", "Total", "%Y%m%d"),
  ])
  func oneValueThatIsNoTimeIsNamed(_ pattern: String, _ stray: String, _ format: String) throws {
    let folder = try Folder()
    try table(folder, Self.rows(Self.days(40, pattern) + [stray]))
    for words in [["t.csv"], ["t.csv", "--time", "date"]] {
      let outcome = try Command.run(arguments: ["init"] + words, in: folder.url)
      #expect(
        outcome.status == 65 && outcome.out.isEmpty && outcome.err.split(separator: "\n").count == 1
          && outcome.err.contains(
            "t.csv, line 42, column 'date': '\(stray)' is not a time, and 40 values are")
          && outcome.err.contains("as \(format);"), "\(outcome.err)")
    }
    // The same without it is one of times, and so is a table with other times.
    try table(folder, Self.rows(Self.days(40, pattern)))
    #expect(try run(folder, "t.csv").status == 0)
    let two = Self.days(40).enumerated().map {
      "\($0 == 9 ? "Total" : Self.date(19_000 + $0)),\($1),\($0 % 7)"
    }
    try table(folder, "two.csv", "sent,day,y", two)
    #expect(try run(folder, "two.csv").out.contains("time: day"))
    // Where a third is none, the column is of texts.
    let mixed = (0..<40).map { $0 % 3 == 0 ? "none" : Self.date(19_000 + $0) }
    try table(folder, Self.rows(mixed))
    #expect(try !run(folder, "t.csv").err.contains("is not a time"))
  }

  /// What init says of the step is what a forecast goes on by.
  @Test func irregularTimesAreCalledSo() throws {
    let folder = try Folder()
    let starts = (0..<60).scan(18_000) { $0 + [2, 2, 3, 2, 7][$1 % 5] }
    // The last day from Monday to Friday of each month.
    let ends = (0..<60).map { month in
      var day = Self.dayNumber(2015 + (month + 1) / 12, (month + 1) % 12 + 1) - 1
      while (day + 3) % 7 > 4 { day -= 1 }
      return day
    }
    for days in [starts, ends] {
      try table(folder, Self.rows(days.map { Self.date($0) }))
      let outcome = try run(folder, "t.csv", "--window", "6")
      #expect(
        outcome.out.contains("# at irregular times") && !outcome.out.contains("calendar:"), "\(outcome.out)")
      let next = try forecast(folder, outcome.out)
      #expect(next.status == 0, "\(next.err)")
    }
    try table(
      folder, Self.rows((0..<90).map { 19_723 + $0 }.filter { ($0 + 3) % 7 < 5 }.map { Self.date($0) }))
    #expect(try run(folder, "t.csv").out.contains("a row every day, Monday to Friday"))
  }

  private static func dayNumber(_ year: Int, _ month: Int) -> Int {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(identifier: "UTC")!
    let date = calendar.date(from: DateComponents(year: year, month: month, day: 1))!
    return Int(date.timeIntervalSince1970 / 86_400)
  }

  /// Nights are no rows that are missing: which times come is for who knows them to say.
  @Test func aStepThatManyRowsBreakIsSaid() throws {
    let folder = try Folder()
    let hours = Self.days(10).flatMap { day in (9...16).map { "\(day) \(String(format: "%02d", $0)):00" } }
    try table(folder, Self.rows(hours))
    let recipe = try run(folder, "t.csv", "--window", "8").out
    let note = "9 of 79 steps from row to row differ; where other times are meant, give them by --known FILE"
    let next = try forecast(folder, recipe)
    #expect(next.status == 0 && next.err.contains(note), "\(next.err)")
    #expect(next.err.components(separatedBy: note).count == 2 && next.out.contains(",2024-01-10 17:00,1,"))
    try folder.write("known.csv", "date\n2024-01-11 09:00\n")
    let given = try forecast(folder, recipe, "--known", "known.csv")
    #expect(
      given.status == 0 && given.out.contains(",2024-01-11 09:00,1,")
        && !given.err.contains("steps from row"),
      "\(given.err) \(given.out)")
    // Single rows that are missing are no reason.
    try table(
      folder, Self.rows(Self.days(40).enumerated().filter { ![7, 20].contains($0.offset) }.map(\.element)))
    let daily = try forecast(folder, run(folder, "t.csv", "--window", "8").out)
    #expect(daily.status == 0 && !daily.err.contains("steps from row"), "\(daily.err)")
  }
}

extension Range<Int> {
  fileprivate func scan(_ start: Int, _ next: (Int, Int) -> Int) -> [Int] {
    var value = start
    return map { place in
      value = next(value, place)
      return value
    }
  }
}
