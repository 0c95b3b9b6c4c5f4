#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What of a time the network reads, as the sine and cosine of its angle on a circle.
public enum CalendarField: String, Sendable, CaseIterable {
  case minute, hour, weekday, day, month
  case yearDay = "year_day"

  /// 0 up to, but not including, 1: pandas' `minute / 60`, `hour / 24`, `dayofweek / 7`, `(day - 1) / days_in_month`, `(month - 1) / 12`,
  /// `(dayofyear - 1) / 365` or 366.
  func turn(_ moment: Moment) -> Double {
    switch self {
    case .minute: Double(moment.minute) / 60
    case .hour: Double(moment.hour) / 24
    case .weekday: Double(moment.weekday) / 7
    case .day:
      Double(moment.date.day - 1)
        / Double(CivilDate.days(inMonth: moment.date.month, of: moment.date.year))
    case .month: Double(moment.date.month - 1) / 12
    case .yearDay: Double(moment.date.dayOfYear - 1) / Double(moment.date.daysOfYear)
    }
  }
}

/// The calendar of each row's time: for each field its sine, then its cosine.
struct CalendarTable: NumberTable {
  let times: [Int]
  let fields: [CalendarField]

  var rows: Int { times.count }
  var columns: Int { 2 * fields.count }
  var names: [String] { fields.flatMap { ["\($0.rawValue)_sin", "\($0.rawValue)_cos"] } }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    for (index, row) in rows.enumerated() {
      let moment = Moment(times[row])
      for (place, field) in fields.enumerated() {
        let angle = 2 * Double.pi * field.turn(moment)
        block[index * columns + 2 * place] = sin(angle)
        block[index * columns + 2 * place + 1] = cos(angle)
      }
    }
  }

  func location(row: Int, column: Int) -> String { "calendar" }
}
