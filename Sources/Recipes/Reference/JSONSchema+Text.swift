extension JSONSchema.SchemaValue {
  /// As JSON, two spaces deep a level.
  /// - width: what is not longer stays on one line.
  func json(indent: String = "", width: Int) -> String {
    let inner = indent + "  "
    switch self {
    case .text(let text): return Self.quoted(text)
    case .number(let number): return number
    case .flag(let flag): return "\(flag)"
    case .null: return "null"
    case .list(let items):
      return Self.joined(items.map { $0.json(indent: inner, width: width) }, "[", "]", indent, width)
    case .object(let members):
      let parts = members.map { "\(Self.quoted($0)): \($1.json(indent: inner, width: width))" }
      return Self.joined(parts, "{", "}", indent, width)
    }
  }

  private static func joined(
    _ parts: [String], _ open: String, _ close: String, _ indent: String, _ width: Int
  ) -> String {
    let line = open + parts.joined(separator: ", ") + close
    if line.utf8.count + indent.utf8.count <= width, !line.utf8.contains(10) { return line }
    return "\(open)\n\(indent)  " + parts.joined(separator: ",\n\(indent)  ") + "\n\(indent)\(close)"
  }

  private static func quoted(_ text: String) -> String {
    // The declarations' own words: plain text of one line.
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}

extension RecipeReference {
  /// A JSON Schema (draft 2020-12) of recipes, as text.
  public static var jsonSchema: String { JSONSchema.recipe.json(width: 100) + "\n" }

  /// The same on one line.
  public static var jsonSchemaLine: String { JSONSchema.recipe.json(width: .max) + "\n" }
}
