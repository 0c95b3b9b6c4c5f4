import Diagnostics
import Files
import Foundation
import TestSupport
import Testing

/// Lines one by one, as `Lines` has them all at once.
@Suite(.tags(.fast)) struct LineStreamTests {
  @Test func linesAreThoseOfTheWholeText() throws {
    let path = NSTemporaryDirectory() + "lines-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    for text in [
      "", "a", "a\n", "a\r\nb\rc\n\nd", "\r\n\r\n", "\n\r", "\u{FEFF}a\nb",
      String(repeating: "x", count: 200_000) + "\r\ny\r",
      String(repeating: "ab\r\n", count: 40_000) + "end",
    ] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      let stream = try LineStream(path, key: "--input")
      var lines: [String] = []
      while let line = try stream.next() { lines.append(String(decoding: line, as: UTF8.self)) }
      let marked = text.unicodeScalars.first == "\u{FEFF}"
      #expect(lines == Lines.texts(of: Array(text.utf8).dropFirst(marked ? 3 : 0)))
      #expect(stream.number == lines.count)
    }
    #expect(throws: Failure.self) { try LineStream("/nowhere/at/all", key: "--input") }
  }
}
