/// Words as a POSIX shell writes and reads them. Works on bytes: no letter can join or hide a mark that the shell sees.
package enum ShellWords {
  /// One line that a shell takes apart into these words again, without a byte that a terminal acts on.
  ///
  /// A word that holds such bytes stands between `$'` and `'`, with them in octal (POSIX 2024; bash, zsh, ksh).
  package static func quoted(_ words: [String]) -> String {
    words.enumerated().map { quoted($0.element, isFirst: $0.offset == 0) }.joined(separator: " ")
  }

  private static func quoted(_ word: String, isFirst: Bool) -> String {
    // A first word with "=" would be an assignment.
    let needsNone = word.utf8.allSatisfy { isPlain($0) && !(isFirst && $0 == UInt8(ascii: "=")) }
    if needsNone, !word.isEmpty { return word }
    return word.unicodeScalars.contains(where: \.isObeyed) ? escaped(word) : singleQuoted(word)
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-_./:=,@%+".utf8.contains(byte)
    }
  }

  private static func singleQuoted(_ word: String) -> String {
    let bytes = word.utf8.flatMap { $0 == UInt8(ascii: "'") ? Array(#"'\''"#.utf8) : [$0] }
    return String(decoding: Array("'".utf8) + bytes + Array("'".utf8), as: UTF8.self)
  }

  private static func escaped(_ word: String) -> String {
    var result = Array("$'".utf8)
    for scalar in word.unicodeScalars {
      let isMark = scalar == "'" || scalar == "\\"
      if !scalar.isObeyed, !isMark {
        result += Array(String(scalar).utf8)
      } else {
        for byte in String(scalar).utf8 { result += Array("\\".utf8) + octal(byte) }
      }
    }
    return String(decoding: result + Array("'".utf8), as: UTF8.self)
  }

  private static func octal(_ byte: UInt8) -> [UInt8] {
    [byte >> 6, byte >> 3 & 7, byte & 7].map { UInt8(ascii: "0") + $0 }
  }
}

extension ShellWords {
  /// The words of a line: blanks part them, `'…'` and `"…"` keep them together, `\` takes the next byte as it is. Nothing is
  /// replaced or run: `$`, `*` and `;` are bytes like others.
  /// - Returns: nil where a quotation mark is not closed, or a `\` has nothing to follow.
  package static func split(_ line: String) -> [String]? {
    var words: [[UInt8]] = []
    var word: [UInt8]?
    var quote: UInt8?
    var bytes = line.utf8.makeIterator()
    while let byte = bytes.next() {
      switch byte {
      case UInt8(ascii: "\\") where quote != UInt8(ascii: "'"):
        guard let next = bytes.next() else { return nil }
        // Between double quotes it is itself, but before another mark.
        let isKept = quote != nil && next != UInt8(ascii: "\"") && next != byte
        word = (word ?? []) + (isKept ? [byte, next] : [next])
      case _ where byte == quote: quote = nil
      case UInt8(ascii: "'"), UInt8(ascii: "\""):
        if quote == nil { quote = byte } else { word?.append(byte) }
        word = word ?? []
      case UInt8(ascii: " "), UInt8(ascii: "\t"):
        if quote != nil {
          word?.append(byte)
        } else if let ended = word {
          words.append(ended)
          word = nil
        }
      default: word = (word ?? []) + [byte]
      }
    }
    guard quote == nil else { return nil }
    if let word { words.append(word) }
    return words.map { String(decoding: $0, as: UTF8.self) }
  }
}
