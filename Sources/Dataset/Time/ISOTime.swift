/// A time by ISO 8601: `2024-03-05`, `2024-03`, `2024-03-05T14:30`, with seconds, a fraction, and `Z` or an offset. A blank may stand
/// for the T.
struct ISOTime {
  /// What is written besides year and month.
  struct Style: Equatable {
    var hasDay = true
    var hasTime = false
    var hasSeconds = false
    var separator = UInt8(ascii: "T")
    var fractionMark = UInt8(ascii: ".")
    /// Of a second.
    var fractionDigits = 0
    var zone: Zone?

    /// What says the time zone: `Z`, or an offset as it is written.
    enum Zone: Equatable {
      case utc
      case offset(microseconds: Int, hasColon: Bool, hasMinutes: Bool)
    }

    /// From UTC to what is written, in microseconds.
    var shift: Int { if case .offset(let offset, _, _) = zone { offset } else { 0 } }

    /// With as much as either has, and the zone of the other one.
    mutating func takeOver(_ other: Style) {
      hasDay = hasDay || other.hasDay
      if other.hasTime { (hasTime, separator) = (true, other.separator) }
      hasSeconds = hasSeconds || other.hasSeconds
      if other.fractionDigits > fractionDigits {
        (fractionDigits, fractionMark) = (other.fractionDigits, other.fractionMark)
      }
      if other.zone != nil { zone = other.zone }
    }
  }

  let microseconds: Int
  let style: Style

  init?(_ text: [UInt8]) {
    var reader = DigitReader(text)
    var style = Style()
    guard let year = reader.number(digits: 4), reader.take("-"), let month = reader.number(digits: 2) else {
      return nil
    }
    style.hasDay = reader.take("-")
    guard let day = style.hasDay ? reader.number(digits: 2) : 1,
      let date = CivilDate(year: year, month: month, day: day)
    else { return nil }
    var time = 0
    if style.hasDay, !reader.isAtEnd {
      style.separator = reader.take(" ") ? UInt8(ascii: " ") : UInt8(ascii: "T")
      guard style.separator == UInt8(ascii: " ") || reader.take("T"), let clock = reader.clock() else {
        return nil
      }
      (time, style.hasSeconds, style.hasTime) = (clock.time, clock.hasSeconds, true)
      if let mark = clock.fractionMark { (style.fractionMark, style.fractionDigits) = (mark, clock.digits) }
      style.zone = reader.zone()
      time -= style.shift
    }
    guard reader.isAtEnd else { return nil }
    microseconds = date.dayNumber * Moment.day + time
    self.style = style
  }

  /// - time: microseconds since 1970.
  static func text(_ time: Int, _ style: Style) -> String {
    let moment = Moment(time + style.shift)
    let date = moment.date
    var text = "\(padded(date.year, 4))-\(padded(date.month, 2))"
    if style.hasDay { text += "-\(padded(date.day, 2))" }
    guard style.hasTime else { return text }
    text += String(UnicodeScalar(style.separator)) + "\(padded(moment.hour, 2)):\(padded(moment.minute, 2))"
    let (seconds, fraction) = (moment.time % Moment.minute).quotientAndRemainder(dividingBy: Moment.second)
    let digits = Self.fraction(fraction, digits: style.fractionDigits)
    if style.hasSeconds || seconds > 0 || !digits.isEmpty { text += ":\(padded(seconds, 2))" }
    if !digits.isEmpty { text += String(UnicodeScalar(style.fractionMark)) + digits }
    switch style.zone {
    case nil: return text
    case .utc: return text + "Z"
    case .offset(let offset, let hasColon, let hasMinutes):
      let (hours, rest) = abs(offset).quotientAndRemainder(dividingBy: Moment.hour)
      let minutes = hasMinutes ? (hasColon ? ":" : "") + padded(rest / Moment.minute, 2) : ""
      return text + (offset < 0 ? "-" : "+") + padded(hours, 2) + minutes
    }
  }

  /// The digits after a second's mark: as many as asked for, and all six where that would cut something off.
  static func fraction(_ microseconds: Int, digits: Int) -> String {
    let all = padded(microseconds, 6)
    if digits >= 6 { return all + String(repeating: "0", count: digits - 6) }
    let isRest = all.utf8.dropFirst(digits).allSatisfy { $0 == 48 }
    return isRest ? String(all.prefix(digits)) : all
  }

  static func padded(_ number: Int, _ digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}
