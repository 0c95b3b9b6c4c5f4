import Diagnostics

/// How the times of a table are written: ISO 8601, plain whole numbers, or a pattern of strftime's letters.
package struct TimeFormat: Sendable, Equatable {
  enum Notation: Equatable {
    /// Whole numbers in order: years, days, steps.
    case number
    case iso
    case pattern([TimePattern.Directive])
  }

  let kind: Notation
  /// How times are written that go on from those read.
  private var style: ISOTime.Style
  /// Whether a time that was read says its zone, and whether one says none.
  private var (hasZone, lacksZone) = (false, false)

  /// - pattern: of `data.time_format`; nil for ISO 8601 or numbers, as the first time shows.
  /// - Returns: nil where the first time is neither.
  package init?(pattern: String?, first: [UInt8]) throws(Failure) {
    style = ISOTime(first)?.style ?? ISOTime.Style()
    if let pattern {
      kind = .pattern(try TimePattern.pieces(of: pattern))
      style.fractionDigits = parsed(first)?.style.fractionDigits ?? 0
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
  package func parse(_ text: [UInt8]) -> Int? { parsed(text)?.time }

  /// The same, and takes over how it is written: with as much as any time read so far has, and the offset of the last.
  package mutating func read(_ text: [UInt8]) -> Int? {
    guard let (time, found) = parsed(text) else { return nil }
    style.takeOver(found)
    if kind == .iso {
      if found.zone == nil { lacksZone = true } else { hasZone = true }
    }
    return time
  }

  /// Whether nobody knows how the times that were read follow on one another: some say their zone, others none.
  var mixesZones: Bool { hasZone && lacksZone }

  private func parsed(_ text: [UInt8]) -> (time: Int, style: ISOTime.Style)? {
    switch kind {
    case .number: return Self.number(text).map { ($0, style) }
    case .iso: return ISOTime(text).map { ($0.microseconds, $0.style) }
    case .pattern(let pieces):
      return TimePattern.read(text, pieces).map { time, digits in
        var style = style
        style.fractionDigits = digits
        return (time, style)
      }
    }
  }

  /// In the notation of the table.
  package func text(of time: Int) -> String {
    switch kind {
    case .number: "\(time)"
    case .iso: ISOTime.text(time, style)
    case .pattern(let pieces): TimePattern.text(Moment(time), pieces, fractionDigits: style.fractionDigits)
    }
  }

  /// Whether a time that goes on from those of the table has a text: dates end with the year 9999.
  package func canWrite(_ time: Int) -> Bool {
    guard isDate else { return Self.numbers.contains(time) }
    return Moment.writable.contains(time) && Moment.writable.contains(time + style.shift)
  }

  /// Whole numbers whose differences are numbers too.
  package static let numbers = -(1 << 62) + 1...(1 << 62) - 1

  /// Whether it is a whole number that lies outside of `numbers`.
  package static func isTooLarge(_ text: [UInt8]) -> Bool {
    let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text[...]
    return !digits.isEmpty && digits.allSatisfy { (48...57).contains($0) } && number(text) == nil
  }

  private static func number(_ text: [UInt8]) -> Int? {
    // text: digits, and no more of them than any such number has.
    guard let first = text.first, first == UInt8(ascii: "-") || (48...57).contains(first), text.count < 64,
      let number = Int(String(decoding: text, as: UTF8.self)), numbers.contains(number)
    else { return nil }
    return number
  }
}
