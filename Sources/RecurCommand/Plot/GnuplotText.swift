import Diagnostics

extension GnuplotScript {
  /// A gnuplot string that means just these characters, harmless ones.
  ///
  /// Between its quotes stand letters, blanks and octal escapes, byte by byte, and nothing else: no text can leave it,
  /// begin a command in backquotes, go on in the next line or be taken for markup.
  static func quoted(_ text: String) -> String { quoted(text, percent: "\\045") }

  /// The same where gnuplot takes the string for a format, as it does for the names of tics.
  static func quotedFormat(_ text: String) -> String { quoted(text, percent: "\\045\\045") }

  private static func quoted(_ text: String, percent: String) -> String {
    var code = "\""
    for byte in text.shown.utf8 {
      switch byte {
      // Not digits: gnuplot takes one that follows an escape for a part of it.
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: " "):
        code.unicodeScalars.append(Unicode.Scalar(byte))
      case UInt8(ascii: "%"): code += percent
      default: code += "\\\(byte >> 6)\(byte >> 3 & 7)\(byte & 7)"
      }
    }
    return code + "\""
  }
}
