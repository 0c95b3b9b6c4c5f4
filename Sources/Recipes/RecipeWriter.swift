import Dataset

/// Writes a recipe in one canonical form: sections as blocks, what lies deeper in flow style on one line.
struct RecipeWriter {
  typealias Entries = [(String, Value)]

  indirect enum Value {
    case null
    /// Needs no quotes.
    case plain(String)
    case text(String)
    case list([Value])
    case map(Entries)
  }

  private(set) var text = ""

  mutating func put(_ key: String, _ value: Value) { text += "\(key): \(value.flow)\n" }

  mutating func section(_ key: String, _ entries: Entries) {
    text += "\(key):\n"
    for (key, value) in entries { text += "  \(key): \(value.flow)\n" }
  }
}

extension RecipeWriter.Value {
  init(_ value: Int) { self = .plain("\(value)") }
  /// The shortest digits that read back as the same number.
  init(_ value: Double) { self = .plain("\(value)") }
  init(_ value: Bool) { self = .plain("\(value)") }
  init(_ value: String?) { self = value.map { .text($0) } ?? .null }
  init(_ value: Int?) { self = value.map { .init($0) } ?? .null }
  init(_ value: Float?) { self = value.map { .plain("\($0)") } ?? .null }
  init(_ value: Double?) { self = value.map { .init($0) } ?? .null }
  init(_ share: DataSpecification.Share?) {
    switch share {
    case .count(let count): self.init(count)
    case .fraction(let fraction): self.init(fraction)
    case .rest: self = .plain("rest")
    case nil: self = .null
    }
  }

  fileprivate var flow: String {
    switch self {
    case .null: "null"
    case .plain(let text): text
    case .text(let text): Self.quoteIfNeeded(text)
    case .list(let items): "[\(items.map(\.flow).joined(separator: ", "))]"
    case .map(let entries): "{\(entries.map { "\($0): \($1.flow)" }.joined(separator: ", "))}"
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
