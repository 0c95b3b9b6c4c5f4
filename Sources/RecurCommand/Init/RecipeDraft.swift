import Recur

/// A recipe as it is written for a person: keys with remarks, in the order in which they are read.
struct RecipeDraft {
  private(set) var yaml = ""
  /// What was guessed, for standard error.
  private(set) var guesses: [String] = []

  mutating func guess(_ text: String) { guesses.append(text) }
  mutating func remark(_ text: String) { yaml += "# \(text.shown)\n" }
  mutating func section(_ key: String) { yaml += "\(key):\n" }

  /// - remark: what a person would change.
  mutating func add(_ key: String, _ value: String, indented: Bool = true, _ remark: String? = nil) {
    let line = (indented ? "  " : "") + "\(key): \(value)"
    let padding = String(repeating: " ", count: max(2, 44 - line.count))
    yaml += line + (remark.map { padding + "# " + $0.shown } ?? "") + "\n"
  }

  static func list(_ names: [String]) -> String { "[\(names.map(text).joined(separator: ", "))]" }

  /// A text as YAML has it: in quotes unless it could be nothing else.
  static func text(_ text: String) -> String {
    let reserved = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
    let letters = (UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"))
    func isLetter(_ byte: UInt8) -> Bool {
      letters.0.contains(byte) || letters.1.contains(byte) || byte == UInt8(ascii: "_")
    }
    let isPlain =
      text.utf8.first.map(isLetter) == true
      && text.utf8.allSatisfy { isLetter($0) || (48...57).contains($0) }
      // text: words of YAML, in letters of either case.
      && !reserved.contains { text.lowercased().hasSameBytes(as: $0) }
    return isPlain ? text : JSONObject.quoted(text).escapedInJSON
  }
}
