import Foundation

/// The part of JSON Schema that `Tests/Reference/mpijob.schema.json` is written in. Another keyword is a fault of its own.
struct JSONSchema {
  private let root: [String: Any]
  private let definitions: [String: [String: Any]]

  init(_ data: Data) throws {
    guard let root = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw CocoaError(.coderReadCorrupt)
    }
    (self.root, definitions) = (root, root["$defs"] as? [String: [String: Any]] ?? [:])
  }

  /// Where a value does not fit, and why.
  func faults(_ value: Any?) -> [String] {
    value.map { faults($0, root, at: "") } ?? ["nothing is there"]
  }

  private func faults(_ value: Any, _ schema: [String: Any], at path: String) -> [String] {
    // Of another type, nothing else can be said.
    if let type = schema["type"] as? String, !Self.isOf(type, value) { return ["\(path): no \(type)"] }
    return schema.keys.sorted().flatMap { check($0, schema[$0]!, of: schema, value, path) }
  }

  private static func isOf(_ type: String, _ value: Any) -> Bool {
    switch type {
    case "object": value is [String: Any]
    case "array": value is [Any]
    case "string": value is String
    case "integer": value is Int
    case "boolean": value is Bool
    default: false
    }
  }

  private func check(
    _ keyword: String, _ wanted: Any, of schema: [String: Any], _ value: Any, _ path: String
  ) -> [String] {
    switch keyword {
    case "$schema", "$comment", "$defs", "type": return []
    // A schema that says nothing about other fields would pass a misspelt one over.
    case "properties" where schema["additionalProperties"] == nil:
      return ["\(path): the schema does not say which other fields there may be"]
    case "properties": return []
    case "$ref": return faults(value, definition(wanted), at: path)
    case "not": return ["\(path): not written down in the schema yet"]
    case "anyOf":
      let ways = (wanted as? [[String: Any]] ?? []).map { faults(value, $0, at: path) }
      return ways.contains([]) ? [] : ["\(path): does not fit"]
    case "required":
      let object = value as? [String: Any] ?? [:]
      return (wanted as? [String] ?? []).filter { object[$0] == nil }.map {
        "\(path)\(Self.dot(path))\($0): missing"
      }
    case "items":
      return (value as? [Any] ?? []).enumerated().flatMap {
        faults($0.element, wanted as? [String: Any] ?? [:], at: "\(path).\($0.offset)")
      }
    case "additionalProperties": return fields(value, of: schema, path)
    default: return limit(keyword, wanted, value).map { ["\(path): \($0)"] } ?? []
    }
  }

  /// The fields of an object: those that are named, and the others by `additionalProperties`, a schema or false.
  private func fields(_ value: Any, of schema: [String: Any], _ path: String) -> [String] {
    let known = schema["properties"] as? [String: [String: Any]] ?? [:]
    let others = schema["additionalProperties"] as? [String: Any]
    return (value as? [String: Any] ?? [:]).sorted { $0.key < $1.key }.flatMap { key, value in
      let place = "\(path)\(Self.dot(path))\(key)"
      return (known[key] ?? others).map { faults(value, $0, at: place) } ?? ["\(place): no such field"]
    }
  }

  /// What a keyword for a single value says against it.
  private func limit(_ keyword: String, _ wanted: Any, _ value: Any) -> String? {
    let bound = wanted as? Int ?? 0
    let number = value as? Int ?? 0
    switch keyword {
    case "minimum": return number < bound ? "less than \(bound)" : nil
    case "maximum": return number > bound ? "more than \(bound)" : nil
    case "minItems": return (value as? [Any] ?? []).count < bound ? "fewer than \(bound)" : nil
    case "minLength": return (value as? String ?? "").utf8.count < bound ? "shorter than \(bound)" : nil
    case "enum":
      let words = wanted as? [String] ?? []
      return words.contains(value as? String ?? "\n") ? nil : "none of \(words.joined(separator: ", "))"
    case "pattern":
      let isMatch = try? Regex(wanted as? String ?? "").firstMatch(in: value as? String ?? "") != nil
      return isMatch == true ? nil : "does not fit \(wanted)"
    default: return "the schema's keyword \(keyword) is not known"
    }
  }

  private func definition(_ reference: Any) -> [String: Any] {
    let name = (reference as? String ?? "").split(separator: "/").last.map(String.init) ?? ""
    return definitions[name] ?? ["\(reference)": "no such definition"]
  }

  private static func dot(_ path: String) -> String { path.isEmpty ? "" : "." }
}
