import Dataset
import TestSupport
import Testing

@Suite(.tags(.fast)) struct TimeTests {
  private func format(_ first: String, _ pattern: String? = nil) throws -> TimeFormat? {
    try TimeFormat(pattern: pattern, first: Array(first.utf8))
  }

  /// Seconds by `pandas.Timestamp(text).timestamp()`.
  @Test(
    arguments: [
      ("1970-01-01", nil, 0), ("2024-02-29", nil, 1_709_164_800), ("1899-12-31", nil, -2_209_075_200),
      ("2024-03-05T14:30", nil, 1_709_649_000), ("2024-03-05 14:30:05", nil, 1_709_649_005),
      ("2024-03-05T14:30:05Z", nil, 1_709_649_005), ("2024-03-05T14:30:05+01:00", nil, 1_709_645_405),
      ("2024-03", nil, 1_709_251_200), ("05.03.2024", "%d.%m.%Y", 1_709_596_800),
      ("3/5/24 2:30 PM", "%m/%d/%y %I:%M %p", 1_709_649_000), ("05-Mar-1969", "%d-%b-%Y", -26_092_800),
      ("March 5, 2024", "%B %d, %Y", 1_709_596_800),
      ("20240305", "%Y%m%d", 1_709_596_800), ("202403", "%Y%m", 1_709_251_200),
      ("12:05 AM 2024-03-05", "%I:%M %p %Y-%m-%d", 1_709_597_100),
    ] as [(String, String?, Int)])
  func `times are read as pandas reads them`(_ text: String, _ pattern: String?, _ seconds: Int) throws {
    #expect(try format(text, pattern)?.parse(Array(text.utf8)) == seconds * Moment.second)
  }

  @Test(arguments: [
    "2024-02-30", "2024-13-01", "2024-03-05T25:00", "2024-03-05T14", "2024-3-5", "05.03.2024", "tomorrow", "",
    "2024-03-05x", "2024-03-05T14:60", "--", "1e5", "99999999999999999999",
  ])
  func whatIsNoTimeIsNone(_ text: String) throws {
    #expect(try format(text) == nil)
  }

  @Test(arguments: [("%d.%m", "must have the year"), ("%Q%Y", "not among"), ("%Y%", "must have the year")])
  func badPatterns(_ pattern: String, _ what: String) {
    #expect(message { _ = try TimeFormat(pattern: pattern, first: [48]) }.contains(what))
  }

  @Test(arguments: [
    "2024-03-05", "2024-03", "2024-03-05 14:30", "2024-03-05T14:30:05", "2024-03-05T14:30:05Z", "-12", "2024",
    "2024-03-05T14:30:05+02:00", "2024-03-05 14:30-0530", "2024-03-05T00:30+05", "2024-03-05T14:30:05.058",
    "2024-03-05T14:30:05.000Z", "2024-03-05T14:30:05,5", "2024-03-05T14:30:05.123456", "1709251200000000000",
  ])
  func timesAreWrittenAsTheyWere(_ text: String) throws {
    let format = try format(text)!
    #expect(format.text(of: format.parse(Array(text.utf8))!) == text)
  }

  @Test func patternsAreWritten() throws {
    for (text, pattern) in [("20240305", "%Y%m%d"), ("202403", "%Y%m")] {
      let format = try format(text, pattern)!
      #expect(format.text(of: format.parse(Array(text.utf8))!) == text)
    }
    let pattern = "%d %b %Y %I:%M %p"
    let format = try format("05 Mar 2024 02:30 PM", pattern)!
    #expect(format.text(of: 1_709_649_000 * Moment.second) == "05 Mar 2024 02:30 PM")
  }

  /// The rows of `pandas.date_range`, cut and gone on.
  @Test(
    arguments: [
      (["2024-01-31", "2024-02-29", "2024-03-31"], ["2024-04-30", "2024-05-31"]),
      (["2023-11-15", "2023-12-15", "2024-01-15"], ["2024-02-15", "2024-03-15"]),
      (["2024-01-01", "2024-04-01", "2024-07-01"], ["2024-10-01", "2025-01-01"]),
      (
        ["2024-03-01", "2024-03-04", "2024-03-05", "2024-03-06"], ["2024-03-07", "2024-03-08", "2024-03-11"]
      ),
      (["2024-03-01", "2024-03-02", "2024-03-03"], ["2024-03-04", "2024-03-05"]),
      (["2024-02-28 22:00", "2024-02-28 23:00"], ["2024-02-29 00:00", "2024-02-29 01:00"]),
      (["3", "6", "9"], ["12", "15"]), (["3", "6", "12", "15"], ["18"]),
      (["2024-01-31", "2024-02-29", "2024-04-30", "2024-05-31"], ["2024-06-30"]),
      (["2024-03-02", "2024-03-03", "2024-03-05", "2024-03-06"], ["2024-03-07"]),
      (["2020-02-29", "2021-02-28", "2022-02-28"], ["2023-02-28", "2024-02-29"]),
    ])
  func `a series goes on by its own step`(_ times: [String], _ next: [String]) throws {
    let format = try format(times[0])!
    let numbers = times.map { format.parse(Array($0.utf8))! }
    let step = TimeStep(numbers[...], isDate: format.isDate)
    let own = next.indices.map { step.time(after: numbers.last!, steps: $0 + 1).map(format.text) }
    #expect(own == next)
  }

  @Test func anIrregularSeriesDoesNotGoOn() throws {
    let format = try format("2024-03-01")!
    let numbers = ["2024-03-01", "2024-03-05", "2024-03-06"].map { format.parse(Array($0.utf8))! }
    #expect(TimeStep(numbers[...], isDate: true) == .irregular)
    #expect(TimeStep([5][...], isDate: false).time(after: 5, steps: 1) == nil)
  }

  @Test func stepsThatAreBrokenAreCounted() throws {
    let format = try format("2024-03-01")!
    func times(_ days: [String]) -> [Int] { days.map { format.parse(Array("2024-\($0)".utf8))! } }
    let days = times(["03-01", "03-02", "03-03", "03-05", "03-06", "03-08"])
    #expect(TimeStep(days[...], isDate: true).breaks(in: days[...]) == 2)
    let months = times(["01-31", "02-29", "03-31", "05-31", "06-30"])
    #expect(TimeStep(months[...], isDate: true).breaks(in: months[...]) == 1)
    #expect(TimeStep.irregular.breaks(in: days[...]) == 0)
    #expect(TimeStep.variety(months) == 2 && TimeStep.variety(Array(months.prefix(3))) == 1)
    #expect(TimeStep.variety(days) == 2 && TimeStep.variety(times(["01-15", "02-15", "03-15"])) == 1)
  }

  @Test func everyDayOfFourCenturiesIsItself() {
    for day in stride(from: -200_000, through: 200_000, by: 37) {
      let date = CivilDate(dayNumber: day)
      #expect(date.dayNumber == day)
      #expect(CivilDate(year: date.year, month: date.month, day: date.day) == date)
    }
  }

  /// With as much as any time of the table has, and the offset of the last.
  @Test func aStyleIsThatOfAllTimes() throws {
    var format = try format("2024-03-31T00:00+01:00")!
    let times = ["2024-03-31T00:00+01:00", "2024-03-31T12:00:05.25+02:00", "2024-04-01T00:00+02:00"].map {
      format.read(Array($0.utf8))!
    }
    #expect(times[2] - times[0] == 23 * 3600 * Moment.second)
    #expect(format.text(of: times[2]) == "2024-04-01T00:00:00.00+02:00")
    #expect(format.text(of: times[2] + 1) == "2024-04-01T00:00:00.000001+02:00")
    let pattern = try self.format("05.03.2024 14:30:05.058", "%d.%m.%Y %H:%M:%S.%f")!
    #expect(
      pattern.text(of: pattern.parse(Array("05.03.2024 14:30:05.058".utf8))!) == "05.03.2024 14:30:05.058")
  }

  /// Neither a date after the year 9999 nor a number whose distance to another is none.
  @Test func timesEnd() throws {
    let date = try format("9999-12-30")!
    let last = date.parse(Array("9999-12-31".utf8))!
    #expect(date.canWrite(last) && !date.canWrite(last + 24 * 3600 * Moment.second))
    let offset = try format("9999-12-31T20:00-05:00")!
    #expect(!offset.canWrite(offset.parse(Array("9999-12-31T20:00-05:00".utf8))!))
    let months = ["9999-10-31", "9999-11-30", "9999-12-31"].map { date.parse(Array($0.utf8))! }
    #expect(TimeStep(months[...], isDate: true).time(after: months[2], steps: 1) == nil)
    #expect(TimeStep.fixed(1 << 61).time(after: 1 << 62, steps: 3) == nil)
    let most = TimeFormat.numbers.upperBound
    #expect(try format("\(most)")?.parse(Array("\(most)".utf8)) == most && format("\(most + 1)") == nil)
    #expect(TimeFormat.isTooLarge(Array("\(most + 1)".utf8)) && !TimeFormat.isTooLarge(Array("x".utf8)))
  }

  /// Step by step and all at once, from each day of a week.
  @Test func weekdaysAreCountedInWeeks() {
    for day in 0..<7 {
      var time = (20_000 + day) * 24 * 3600 * Moment.second
      let start = time
      for steps in 1...23 {
        time = TimeStep.weekdays.time(after: time, steps: 1)!
        #expect(TimeStep.weekdays.time(after: start, steps: steps) == time, "\(day) \(steps)")
      }
    }
    #expect(TimeStep.weekdays.time(after: 0, steps: .max) == nil)
  }
}
