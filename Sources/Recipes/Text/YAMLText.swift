/// A value of the effective recipe, in one canonical form.
indirect enum YAMLText: Sendable {
  typealias Entries = [(String, YAMLText)]

  case null
  /// Needs no quotes.
  case plain(String)
  case text(String)
  case list([YAMLText])
  case map(Entries)

  init(_ value: Int) { self = .plain("\(value)") }
  /// The shortest digits that read back as the same number.
  init(_ value: Double) { self = .plain("\(value)") }
}

extension YAMLText {
  /// Whether it is null or an empty list.
  var isNothing: Bool {
    switch self {
    case .null: true
    case .list(let items): items.isEmpty
    case .plain, .text, .map: false
    }
  }

  /// The lines of a key at the top: a map as a block of keys, what lies deeper in flow style on one line.
  func lines(of key: String) -> String {
    guard case .map(let entries) = self else { return "\(key): \(flow)\n" }
    return "\(key):\n" + entries.map { "  \($0): \($1.flow)\n" }.joined()
  }

  /// On one line.
  var flow: String {
    switch self {
    case .null: "null"
    case .plain(let text): text
    case .text(let text): Self.quoteIfNeeded(text)
    case .list(let items): "[\(items.map(\.flow).joined(separator: ", "))]"
    case .map(let entries):
      "{\(entries.map { "\(Self.quoteIfNeeded($0)): \($1.flow)" }.joined(separator: ", "))}"
    }
  }

  private static func quoteIfNeeded(_ text: String) -> String {
    let isWord = text.unicodeScalars.allSatisfy {
      $0.isASCII && ($0.properties.isAlphabetic || "0123456789_./-".unicodeScalars.contains($0))
    }
    let startsWell = text.unicodeScalars.first.map { $0.properties.isAlphabetic || $0 == "/" } ?? false
    let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
    if isWord, startsWell, !reserved.contains(text.lowercased()), Double(text) == nil { return text }
    return quoted(text)
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case _ where needsEscape(scalar):
        let digits = String(scalar.value, radix: 16, uppercase: true)
        result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// Control, format and separator characters: some are line ends to YAML, others are not allowed in it.
  private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
    default: false
    }
  }
}
