/// A day of the proleptic Gregorian calendar.
package struct CivilDate: Equatable {
  package var year: Int
  /// 1...12
  package var month: Int
  /// 1...31
  package var day: Int

  /// nil where there is no such day.
  package init?(year: Int, month: Int, day: Int) {
    guard (-9999...9999).contains(year), (1...12).contains(month), day >= 1,
      day <= Self.days(inMonth: month, of: year)
    else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
  }

  /// Days since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
  package var dayNumber: Int {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  package init(dayNumber: Int) {
    let z = dayNumber + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shifted + 2) / 5 + 1
    month = shifted + (shifted < 10 ? 3 : -9)
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// From 1.
  var dayOfYear: Int { dayNumber - CivilDate(year: year, month: 1, day: 1)!.dayNumber + 1 }
  var daysOfYear: Int { Self.isLeap(year) ? 366 : 365 }
  var isLastOfMonth: Bool { day == Self.days(inMonth: month, of: year) }

  /// A day some months later; of shorter months the last.
  /// - Returns: nil where it lies beyond the year 9999.
  func adding(months: Int, day: Int) -> CivilDate? {
    let index = year * 12 + month - 1 + months
    let (year, month) = (index >= 0 ? index / 12 : (index - 11) / 12, ((index % 12) + 12) % 12 + 1)
    let last = Self.days(inMonth: month, of: year)
    return CivilDate(year: year, month: month, day: min(day, last))
  }

  static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
  static func days(inMonth month: Int, of year: Int) -> Int {
    [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
  }
}

/// A moment in microseconds since 1970-01-01 00:00 UTC, in its parts.
package struct Moment {
  package static let second = 1_000_000
  static let minute = 60 * second
  static let hour = 60 * minute
  static let day = 24 * hour

  /// From the year 0 to the end of 9999: years of four digits.
  static let writable =
    CivilDate(year: 0, month: 1, day: 1)!.dayNumber
    * day...(CivilDate(
      year: 9999, month: 12, day: 31)!.dayNumber + 1) * day - 1

  let date: CivilDate
  /// Microseconds of the day.
  let time: Int

  init(_ microseconds: Int) {
    var (days, rest) = microseconds.quotientAndRemainder(dividingBy: Self.day)
    if rest < 0 { (days, rest) = (days - 1, rest + Self.day) }
    (date, time) = (CivilDate(dayNumber: days), rest)
  }

  init(date: CivilDate, time: Int) { (self.date, self.time) = (date, time) }

  var microseconds: Int { date.dayNumber * Self.day + time }
  var hour: Int { time / Self.hour }
  var minute: Int { time % Self.hour / Self.minute }
  /// 0 for Monday.
  var weekday: Int { ((date.dayNumber + 3) % 7 + 7) % 7 }
}
