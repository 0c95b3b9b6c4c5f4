import Diagnostics

/// A pattern of strftime's letters, `%d.%m.%Y %H:%M`.
enum TimePattern {
  enum Directive: Equatable {
    case field(UInt8)
    case mark(UInt8)
  }

  static let letters = "YymdHMSfbBpI"
  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
  ]

  static func pieces(of pattern: String) throws(Failure) -> [Directive] {
    var pieces: [Directive] = []
    var isField = false
    for byte in pattern.utf8 {
      if isField, byte != UInt8(ascii: "%") {
        guard letters.utf8.contains(byte) else {
          let list = letters.map { "%\($0)" }.joined(separator: " ")
          throw .badData("data.time_format: \(quoted(pattern)) has a letter that is not among \(list)")
        }
        pieces.append(.field(byte))
        isField = false
      } else if !isField, byte == UInt8(ascii: "%") {
        isField = true
      } else {
        pieces.append(.mark(byte))
        isField = false
      }
    }
    let year = pieces.contains(.field(UInt8(ascii: "Y"))) || pieces.contains(.field(UInt8(ascii: "y")))
    guard year, !isField else {
      throw .badData("data.time_format: \(quoted(pattern)) must have the year, %Y or %y")
    }
    return pieces
  }

  static func parse(_ text: [UInt8], _ pieces: [Directive]) -> Int? { read(text, pieces)?.microseconds }

  /// - Returns: since 1970, and how many digits the fraction of a second has.
  static func read(_ text: [UInt8], _ pieces: [Directive]) -> (microseconds: Int, digits: Int)? {
    var reader = DigitReader(text)
    var parts = Parts()
    for piece in pieces {
      switch piece {
      case .mark(let byte): if !reader.take(bytes: [byte]) { return nil }
      case .field(let letter): if !parts.read(letter, &reader) { return nil }
      }
    }
    guard reader.isAtEnd, let microseconds = parts.microseconds else { return nil }
    return (microseconds, parts.digits)
  }

  private struct Parts {
    var (year, month, day, hour, time) = (1970, 1, 1, 0, 0)
    var isAfternoon: Bool?
    /// Of the fraction of a second.
    var digits = 0

    mutating func read(_ letter: UInt8, _ reader: inout DigitReader) -> Bool {
      func number(_ digits: ClosedRange<Int>, below limit: Int) -> Int? {
        reader.number(digits).flatMap { $0 < limit ? $0 : nil }
      }
      switch Unicode.Scalar(letter) {
      case "Y":
        guard let value = number(4...4, below: 10_000) else { return false }
        year = value
      case "y":
        guard let value = number(2...2, below: 100) else { return false }
        // As POSIX has it.
        year = value + (value < 69 ? 2000 : 1900)
      case "m":
        guard let value = number(1...2, below: 13) else { return false }
        month = value
      case "d":
        guard let value = number(1...2, below: 32) else { return false }
        day = value
      case "H", "I":
        guard let value = number(1...2, below: 24) else { return false }
        hour = value
      case "M":
        guard let value = number(1...2, below: 60) else { return false }
        time += value * Moment.minute
      case "S":
        guard let value = number(1...2, below: 60) else { return false }
        time += value * Moment.second
      case "f":
        let start = reader.place
        guard let fraction = reader.fraction() else { return false }
        time += fraction
        digits = reader.place - start
      case "b", "B":
        let length = letter == UInt8(ascii: "b") ? 3 : .max
        guard let found = TimePattern.months.firstIndex(where: { reader.take(bytes: $0.utf8.prefix(length)) })
        else { return false }
        month = found + 1
      default:
        isAfternoon = reader.take(bytes: "PM".utf8)
        return isAfternoon == true || reader.take(bytes: "AM".utf8)
      }
      return true
    }

    var microseconds: Int? {
      guard let date = CivilDate(year: year, month: month, day: day) else { return nil }
      var hour = hour
      if let isAfternoon {
        guard (1...12).contains(hour) else { return nil }
        hour = hour % 12 + (isAfternoon ? 12 : 0)
      }
      return date.dayNumber * Moment.day + hour * Moment.hour + time
    }
  }

  /// - fractionDigits: of `%f`.
  static func text(_ moment: Moment, _ pieces: [Directive], fractionDigits: Int = 6) -> String {
    var bytes: [UInt8] = []
    for piece in pieces {
      switch piece {
      case .mark(let byte): bytes.append(byte)
      case .field(UInt8(ascii: "f")):
        // A mark stands in front of it: there is one digit at least.
        bytes += ISOTime.fraction(moment.time % Moment.second, digits: max(1, fractionDigits)).utf8
      case .field(let letter): bytes += text(moment, letter).utf8
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func text(_ moment: Moment, _ letter: UInt8) -> String {
    let date = moment.date
    let padded = ISOTime.padded
    return switch Unicode.Scalar(letter) {
    case "Y": padded(date.year, 4)
    case "y": padded(date.year % 100, 2)
    case "m": padded(date.month, 2)
    case "d": padded(date.day, 2)
    case "H": padded(moment.hour, 2)
    case "I": padded((moment.hour + 11) % 12 + 1, 2)
    case "M": padded(moment.minute, 2)
    case "S": padded(moment.time % Moment.minute / Moment.second, 2)
    case "b": String(months[date.month - 1].prefix(3))
    case "B": months[date.month - 1]
    default: moment.hour < 12 ? "AM" : "PM"
    }
  }
}
