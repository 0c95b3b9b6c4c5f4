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

  /// A fraction of a second in microseconds, after its mark.
  mutating func fraction() -> Int? {
    let start = place
    guard let value = number(1...9) else { return nil }
    var microseconds = value
    for _ in 0..<max(0, 6 - (place - start)) { microseconds *= 10 }
    for _ in 0..<max(0, place - start - 6) { microseconds /= 10 }
    return microseconds
  }

  /// What a time of day says, and how.
  struct Clock {
    /// Microseconds of the day.
    var time = 0
    var hasSeconds = false
    /// In front of the fraction of a second, where there is one.
    var fractionMark: UInt8?
    var digits = 0
  }

  /// `14:30`, `14:30:05`, `14:30:05.25`
  mutating func clock() -> Clock? {
    var clock = Clock()
    guard let hour = number(digits: 2), hour < 24, take(":"), let minute = number(digits: 2), minute < 60
    else { return nil }
    clock.time = hour * Moment.hour + minute * Moment.minute
    guard take(":") else { return clock }
    guard let second = number(digits: 2), second < 60 else { return nil }
    clock.time += second * Moment.second
    clock.hasSeconds = true
    let mark = next
    if take(".") || take(",") {
      let start = place
      guard let fraction = fraction() else { return nil }
      clock.time += fraction
      (clock.fractionMark, clock.digits) = (mark, place - start)
    }
    return clock
  }

  /// `Z`, `+01:00`, `+0100` or `+01`
  mutating func zone() -> ISOTime.Style.Zone? {
    if take("Z") { return .utc }
    let isWest = next == UInt8(ascii: "-")
    guard take("+") || take("-"), let hour = number(digits: 2) else { return nil }
    let hasColon = take(":")
    let minute = number(digits: 2)
    let offset = hour * Moment.hour + (minute ?? 0) * Moment.minute
    return .offset(microseconds: isWest ? -offset : offset, hasColon: hasColon, hasMinutes: minute != nil)
  }
}
