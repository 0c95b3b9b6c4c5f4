import Diagnostics
import Foundation
import TestSupport
import Testing

/// What a person is shown of text that others wrote.
@Suite(.tags(.fast)) struct ShownTextTests {
  @Test(arguments: [
    ("plain", "plain"), ("", ""), ("é and e\u{301}, 日本語, नमस्ते", "é and e\u{301}, 日本語, नमस्ते"),
    ("\u{1B}[31m", "\\u{1B}[31m"), ("a\nb\r\tc", "a\\nb\\r\\tc"), ("\u{0}\u{7F}", "\\u{0}\\u{7F}"),
    ("\u{9B}31m", "\\u{9B}31m"), ("a\u{202E}b\u{2066}", "a\\u{202E}b\\u{2066}"),
    ("\u{200E}\u{200F}\u{61C}", "\\u{200E}\\u{200F}\\u{61C}"), ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"),
    ("zero\u{200B}width\u{FEFF}", "zero\\u{200B}width\\u{FEFF}"),
    ("\u{E0041}\u{FFFF}", "\\u{E0041}\\u{FFFF}"),
    // Spelling, not orders.
    ("می\u{200C}خواهم 👩\u{200D}🔬", "می\u{200C}خواهم 👩\u{200D}🔬"), ("\u{FFFD}", "\u{FFFD}"),
  ])
  func onALine(_ text: String, _ shown: String) {
    #expect(text.shown.utf8.elementsEqual(shown.utf8))
    #expect(text.shown.shown == text.shown)
  }

  @Test func everyControlCharacterIsWrittenOut() {
    for value in Array(UInt32(0)..<32) + Array(127..<160) {
      let text = "a\(Unicode.Scalar(value)!)b"
      #expect(text.shown.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "\(value)")
      #expect(Failure.badData(text).message == text.shown)
    }
    #expect("a\n\tb\u{1B}".shownLines == "a\n\tb\\u{1B}")
  }

  @Test func piecesAreShownLikeTheWhole() {
    let text = "a\u{1B}[31mé日👩 \u{202E}x\n"
    let whole = Array(text.utf8) + [0xFF, 0xE6, 0x97] + Array("b".utf8) + [0xE6, 0x97]
    for size in 1...7 {
      var stream = ShownStream()
      var shown: [UInt8] = []
      for start in stride(from: 0, to: whole.count, by: size) {
        shown += stream.show(whole[start..<min(start + size, whole.count)])
      }
      shown += stream.finish()
      let text = String(decoding: shown, as: UTF8.self)
      #expect(text == "a\\u{1B}[31mé日👩 \\u{202E}x\n\u{FFFD}\u{FFFD}b\u{FFFD}", "pieces of \(size)")
    }
  }

  @Test func jsonStaysTheSameJSON() throws {
    let text = "\u{1B}[31m\u{9B}\u{7F}\u{202E}\u{E0041}é\"\\\n"
    let line = String(decoding: try JSONEncoder().encode([text]), as: UTF8.self).escapedInJSON
    #expect(line.shown == line)
    #expect(try JSONDecoder().decode([String].self, from: Data(line.utf8)) == [text])
  }

  @Test(arguments: [
    ("abc", 3), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("ｶ", 1), ("👩", 2), ("→…", 2), ("a\u{200D}b", 2),
  ])
  func columns(_ text: String, _ columns: Int) {
    #expect(text.columns == columns)
    #expect(text.shortened(to: columns) == text)
    #expect((text + text).shortened(to: columns).columns <= columns)
  }

  @Test func quotations() {
    #expect(quoted("a\nb") == "'a\\nb'")
    #expect(quoted(String(repeating: "x", count: 41)) == "'" + String(repeating: "x", count: 40) + "…'")
    #expect(quoted([UInt8](arrayLiteral: 0x61, 0xFF)) == "'a\u{FFFD}'")
  }
}
