import Diagnostics
import Files

/// How a table writes numbers, and where it has none.
package struct NumberNotation: Sendable, Equatable {
  /// The mark in front of the fraction.
  let decimal: UInt8
  /// What stands between groups of digits; nil for nothing.
  let thousands: UInt8?
  /// Texts that stand for a missing value besides an empty field; nil for the words that other programs write.
  private let missing: Set<[UInt8]>?
  /// Numbers that do.
  private let missingNumbers: [Double]
  /// Whether the usual reader of numbers will do.
  let isPlain: Bool

  package init(decimal: UInt8 = UInt8(ascii: "."), thousands: UInt8? = nil, missing: [String]? = nil) {
    (self.decimal, self.thousands) = (decimal, thousands)
    self.missing = missing.map { Set($0.map { Array($0.utf8) }) }
    missingNumbers = missing?.compactMap { Double($0) }.filter(\.isFinite) ?? []
    isPlain = decimal == UInt8(ascii: ".") && thousands == nil && missingNumbers.isEmpty
  }

  enum Reading {
    case number(Double)
    case gap, tooLarge, text
  }

  /// What pandas takes for missing as well, in any case of its letters.
  static let words: [StaticString] = [
    "nan", "na", "n/a", "#n/a", "null", "none", "-nan", "<na>", "?",
  ]
  /// What pandas takes for a truth.
  private static let truths: [(StaticString, Double)] = [("true", 1), ("false", 0)]

  func isGap(_ text: [UInt8]) -> Bool {
    if text.isEmpty { return true }
    guard let missing else { return Self.words.contains { Self.isWord(text, $0) } }
    return missing.contains(text)
  }

  /// Names are only missing where the recipe says so: `NA` may be Namibia.
  func isMissingName(_ field: CSVScanner.Field) -> Bool {
    guard let missing else { return false }
    return missing.contains(field.unquoted)
  }

  func number(in field: CSVScanner.Field, _ tables: DecimalTables) -> Reading {
    let text = field.unquoted
    if isGap(text) { return .gap }
    guard let number = parse(text, tables) else {
      for (word, value) in Self.truths where Self.isWord(text, word) { return .number(value) }
      return .text
    }
    if missingNumbers.contains(number) { return .gap }
    return number.isFinite ? .number(number) : .tooLarge
  }

  func parse(_ text: [UInt8], _ tables: DecimalTables) -> Double? {
    var plain: [UInt8] = []
    plain.reserveCapacity(text.count + 8)
    for byte in text where byte != thousands {
      if byte == UInt8(ascii: "."), decimal != byte { return nil }
      plain.append(byte == decimal ? UInt8(ascii: ".") : byte)
    }
    let count = plain.count
    // The reader looks at eight bytes at a time.
    plain += [UInt8](repeating: 0, count: 8)
    return plain.withUnsafeBufferPointer { bytes in
      guard let number = tables.parse(bytes.baseAddress!), number.end == bytes.baseAddress! + count else {
        return nil
      }
      return number.value
    }
  }

  /// What to do about a text that is no number; empty where nothing is to be said.
  func remedy(_ text: [UInt8], _ tables: DecimalTables) -> String {
    let comma = NumberNotation(decimal: UInt8(ascii: ","), thousands: UInt8(ascii: "."))
    let point = NumberNotation(decimal: UInt8(ascii: "."), thousands: UInt8(ascii: ","))
    if comma.parse(text, tables) != nil || point.parse(text, tables) != nil {
      return "; data.decimal and data.thousands say which marks numbers have"
    }
    return isGapElsewhere(text) ? "; name it in data.na where it stands for a missing value" : ""
  }

  private func isGapElsewhere(_ text: [UInt8]) -> Bool {
    missing != nil && Self.words.contains { Self.isWord(text, $0) }
  }

  private static func isWord(_ text: [UInt8], _ word: StaticString) -> Bool {
    word.utf8CodeUnitCount == text.count
      && text.indices.allSatisfy { text[$0] | 0x20 == word.utf8Start[$0] | 0x20 }
  }
}

extension DataSpecification {
  var notation: NumberNotation {
    NumberNotation(decimal: Array(decimal.utf8)[0], thousands: thousands?.utf8.first, missing: missing)
  }
}
