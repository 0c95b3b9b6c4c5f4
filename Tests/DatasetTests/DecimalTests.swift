import Dataset
import Files
import TestSupport
import Testing

/// The number that is all of `text`, or nil.
private func parseDecimal(_ text: String) -> Double? {
  // What a number ends with, and what is read with it.
  let bytes = Array(text.utf8) + Array(repeating: UInt8(ascii: "\n"), count: InputFile.padding)
  return bytes.withUnsafeBufferPointer { buffer in
    DecimalTables.with { tables in
      guard let number = tables.parse(buffer.baseAddress!),
        number.end == buffer.baseAddress! + text.utf8.count
      else { return nil }
      return number.value
    }
  }
}

@Suite(.tags(.fast)) struct DecimalTests {
  /// Hundreds of thousands of expectations would take longer than what they look at.
  private func expectRounded(_ text: String) {
    if parseDecimal(text)?.bitPattern != Double(text)?.bitPattern {
      Issue.record("\(text) became \(String(describing: parseDecimal(text)))")
    }
  }

  @Test(arguments: [
    "0", "-0", "+1", "1.", ".5", "-.5e1", "1e5", "1E+5", "1e-5", "0.1", "0.2", "0.3", "2183.489990",
    "9007199254740993", "9007199254740992.5", "9007199254740993.0000000000000000001", "1e22", "1e23",
    "8.5e22",
    "123456789012345678", "12345678901234567890", "0.000000000000000000000000000001", "5e-324",
    "2.4703282292062327e-324",
    "1.7976931348623157e308", "4.9406564584124654e-324", "2.2250738585072011e-308", "1e400", "-1e-400",
    "00001.50",
    "0e999999999999999999999",
    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649",
    "9223372036854775807", "18446744073709551615", "18446744073709551616", "1448997445238699", "6.1e-27",
    "7.0e55",
  ])
  func specialNumbers(_ text: String) { expectRounded(text) }

  @Test(arguments: [
    "", "-", "+", ".", "e5", "-.", "abc", "1e", "1e+", "1.2.3", "0x10", "nan", "inf", "1_000", "١",
  ])
  func refused(_ text: String) { #expect(parseDecimal(text) == nil) }

  @Test func shortestFormsComeBack() {
    var random = SplitMix(state: 1)
    for _ in 0..<200_000 {
      let value = Double(bitPattern: random.next())
      if value.isFinite && parseDecimal("\(value)") != value { Issue.record("\(value)") }
    }
  }

  @Test func randomDigitsRoundLikeTheStandardLibrary() {
    var random = SplitMix(state: 2)
    for _ in 0..<300_000 {
      let digits = (0..<Int.random(in: 1...21, using: &random)).map { _ in
        String(Int.random(in: 0...9, using: &random))
      }
      let point = Int.random(in: 0...digits.count, using: &random)
      var text = digits[..<point].joined() + "." + digits[point...].joined()
      if Bool.random(using: &random) { text += "e\(Int.random(in: -40...60, using: &random))" }
      expectRounded(text)
    }
  }

  /// Numbers that lie exactly between two doubles, and one unit of the last digit to each side.
  @Test func halfwayCases() {
    var random = SplitMix(state: 3)
    for _ in 0..<100_000 {
      let odd = (1 << 53 | random.next() >> 11) << 1 | 1
      let power = UInt64.random(in: 0...9, using: &random)
      for neighbour in [odd << power - 1, odd << power, odd << power + 1] {
        expectRounded("\(neighbour)")
        expectRounded("\(neighbour)e3")
        expectRounded("\(neighbour)e-3")
      }
    }
  }
}
