extension StringProtocol {
  /// The same text as a person may see it: on one line, and what would steer a terminal or mislead a reader is written out
  /// (`\n`, `\u{1B}`) in place of being sent.
  ///
  /// Every line that is printed goes through this, whatever it quotes: data, checkpoints, recipes, paths, host names, arguments.
  package var shown: String { shown(keeping: []) }

  /// The same of a page: its lines and tabs stay.
  package var shownLines: String { shown(keeping: ["\n", "\t"]) }

  private func shown(keeping kept: [Unicode.Scalar]) -> String {
    if utf8.allSatisfy({ (32..<127).contains($0) }) { return String(self) }
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      if scalar.isObeyed, !kept.contains(scalar) {
        text.append(contentsOf: scalar.writtenOut.unicodeScalars)
      } else {
        text.append(scalar)
      }
    }
    return String(text)
  }
}

extension Unicode.Scalar {
  /// Whether it is no mark on the page but an order to who shows it: control characters, line separators, what turns the
  /// direction of writing, what is never seen, and what is no character.
  package var isObeyed: Bool {
    if isASCII { return value < 32 || value == 127 }
    switch properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: return true
    // Joiners belong to the spelling of Persian, Hindi and emoji; signs that embrace the digits after them are visible.
    case .format: return value != 0x200C && value != 0x200D && !Self.visibleFormats.contains(value)
    case .unassigned: return properties.isNoncharacterCodePoint
    default: return false
    }
  }

  private static let visibleFormats: Set<UInt32> = [
    0x0600, 0x0601, 0x0602, 0x0603, 0x0604, 0x0605, 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD,
  ]

  fileprivate var writtenOut: String {
    switch self {
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    default: "\\u{" + String(value, radix: 16, uppercase: true) + "}"
    }
  }
}

/// Bytes that come piece by piece, as `shownLines` would show their text: a piece may end within a character.
package struct ShownStream {
  private var unfinished: [UInt8] = []

  package init() {}

  /// What of these bytes, and of those kept back before, can be shown now.
  package mutating func show(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let all = unfinished + bytes
    let end = all.endIndex - Self.openBytes(all)
    unfinished = Array(all[end...])
    return Self.text(all[..<end])
  }

  /// The rest, a character that never ended.
  package mutating func finish() -> [UInt8] {
    defer { unfinished = [] }
    return Self.text(unfinished[...])
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    Array(String(decoding: bytes, as: UTF8.self).shownLines.utf8)
  }

  /// Bytes at the end that begin a character whose other bytes have not come.
  private static func openBytes(_ bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let byte = bytes[bytes.count - length]
      if byte & 0b1100_0000 == 0b1000_0000 { continue }
      let wanted = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return wanted > length ? length : 0
    }
    return 0
  }
}

/// Text of a file as a message shows it: on one line, in quotes, cut after 40 characters.
package func quoted(_ text: some StringProtocol) -> String {
  let scalars = text.unicodeScalars
  let start = String(String.UnicodeScalarView(scalars.prefix(40))).shown
  return "'\(start)\(scalars.count > 40 ? "…" : "")'"
}

/// The same of bytes, which need not be text.
package func quoted(_ bytes: some Collection<UInt8>) -> String {
  quoted(String(decoding: bytes.prefix(200), as: UTF8.self))
}

extension StringProtocol {
  /// JSON text with what a terminal would obey as `\uXXXX`: the same JSON, since only its strings can hold such characters.
  package var escapedInJSON: String {
    if utf8.allSatisfy({ (32..<127).contains($0) }) { return String(self) }
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      guard scalar.isObeyed else {
        text.append(scalar)
        continue
      }
      for unit in String(scalar).utf16 {
        let digits = String(unit, radix: 16)
        text.append(
          contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).unicodeScalars)
      }
    }
    return String(text)
  }
}
