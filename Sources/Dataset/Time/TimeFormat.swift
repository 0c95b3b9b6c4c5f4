import Diagnostics

/// How the times of a table are written: ISO 8601, plain whole numbers, or a pattern of strftime's letters.
package struct TimeFormat: Sendable, Equatable {
  enum Kind: Equatable {
    /// Whole numbers in order: years, days, steps.
    case number
    case iso
    case pattern([TimePattern.Piece])
  }

  let kind: Kind
  /// ISO: how times are written that go on from those read.
  private let style: ISOTime.Style

  /// - pattern: of `data.time_format`; nil for ISO 8601 or numbers, as the first time shows.
  /// - Returns: nil where the first time is neither.
  package init?(pattern: String?, first: [UInt8]) throws(Failure) {
    style = ISOTime(first)?.style ?? ISOTime.Style()
    if let pattern {
      kind = .pattern(try TimePattern.pieces(of: pattern))
    } else if Self.number(first) != nil {
      kind = .number
    } else if ISOTime(first) != nil {
      kind = .iso
    } else {
      return nil
    }
  }

  /// Whether the times are dates, which have hours and weekdays.
  package var isDate: Bool { kind != .number }

  /// Microseconds since 1970, or the number itself; nil for something else.
  package func parse(_ text: [UInt8]) -> Int? {
    switch kind {
    case .number: Self.number(text)
    case .iso: ISOTime(text)?.microseconds
    case .pattern(let pieces): TimePattern.parse(text, pieces)
    }
  }

  /// In the notation of the table.
  package func text(of time: Int) -> String {
    switch kind {
    case .number: "\(time)"
    case .iso: ISOTime.text(Moment(time), style)
    case .pattern(let pieces): TimePattern.text(Moment(time), pieces)
    }
  }

  private static func number(_ text: [UInt8]) -> Int? {
    guard let first = text.first, first == UInt8(ascii: "-") || (48...57).contains(first), text.count < 16
    else { return nil }
    return Int(String(decoding: text, as: UTF8.self))
  }
}

/// A time by ISO 8601: `2024-03-05`, `2024-03`, `2024-03-05T14:30`, with seconds, a fraction, and `Z` or an offset. A blank may stand
/// for the T.
struct ISOTime {
  /// What is written besides year, month and day.
  struct Style: Equatable {
    var hasDay = true
    var hasTime = false
    var hasSeconds = false
    var separator = UInt8(ascii: "T")
    /// `Z` behind it.
    var isUTC = false
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
      (time, style.hasSeconds) = clock
      style.hasTime = true
      if let offset = reader.offset() {
        style.isUTC = true
        time -= offset
      }
    }
    guard reader.isAtEnd else { return nil }
    microseconds = date.dayNumber * Moment.day + time
    self.style = style
  }

  static func text(_ moment: Moment, _ style: Style) -> String {
    let date = moment.date
    var text = "\(padded(date.year, 4))-\(padded(date.month, 2))"
    if style.hasDay { text += "-\(padded(date.day, 2))" }
    guard style.hasTime else { return text }
    text += String(UnicodeScalar(style.separator)) + "\(padded(moment.hour, 2)):\(padded(moment.minute, 2))"
    let rest = moment.time % Moment.minute
    if style.hasSeconds || rest > 0 { text += ":\(padded(rest / Moment.second, 2))" }
    if rest % Moment.second > 0 { text += ".\(padded(rest % Moment.second, 6))" }
    return text + (style.isUTC ? "Z" : "")
  }

  static func padded(_ number: Int, _ digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}

/// Reads digits and marks from the bytes of a field, from left to right.
struct DigitReader {
  private let text: [UInt8]
  private(set) var place = 0

  init(_ text: [UInt8]) { self.text = text }

  var isAtEnd: Bool { place == text.count }
  var next: UInt8? { isAtEnd ? nil : text[place] }

  mutating func take(_ mark: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: mark) else { return false }
    place += 1
    return true
  }

  mutating func take(bytes: some Sequence<UInt8>) -> Bool {
    let start = place
    for byte in bytes {
      guard let own = next, own == byte || own | 0x20 == byte | 0x20 && byte | 0x20 >= 97 else {
        place = start
        return false
      }
      place += 1
    }
    return true
  }

  /// Exactly so many digits.
  mutating func number(digits: Int) -> Int? { number(digits...digits) }

  /// As many digits as there are, up to the most.
  mutating func number(_ digits: ClosedRange<Int>) -> Int? {
    var (value, count) = (0, 0)
    while count < digits.upperBound, let byte = next, (48...57).contains(byte) {
      value = value * 10 + Int(byte - 48)
      (count, place) = (count + 1, place + 1)
    }
    return count >= digits.lowerBound ? value : nil
  }

  /// A fraction of a second in microseconds, behind its mark.
  mutating func fraction() -> Int? {
    let start = place
    guard let value = number(1...9) else { return nil }
    var microseconds = value
    for _ in 0..<max(0, 6 - (place - start)) { microseconds *= 10 }
    for _ in 0..<max(0, place - start - 6) { microseconds /= 10 }
    return microseconds
  }

  /// `14:30`, `14:30:05`, `14:30:05.25` in microseconds.
  mutating func clock() -> (time: Int, hasSeconds: Bool)? {
    guard let hour = number(digits: 2), hour < 24, take(":"), let minute = number(digits: 2), minute < 60
    else { return nil }
    var time = hour * Moment.hour + minute * Moment.minute
    guard take(":") else { return (time, false) }
    guard let second = number(digits: 2), second < 60 else { return nil }
    time += second * Moment.second
    if take(".") || take(",") {
      guard let fraction = fraction() else { return nil }
      time += fraction
    }
    return (time, true)
  }

  /// `Z` or `+01:00` in microseconds.
  mutating func offset() -> Int? {
    if take("Z") { return 0 }
    let isWest = next == UInt8(ascii: "-")
    guard take("+") || take("-"), let hour = number(digits: 2) else { return nil }
    _ = take(":")
    let offset = hour * Moment.hour + (number(digits: 2) ?? 0) * Moment.minute
    return isWest ? -offset : offset
  }
}
