import Diagnostics

/// A map of a recipe with typed, checked access to its values.
struct RecipeSection {
  /// Its key path; empty for the whole recipe.
  let path: String
  let node: RecipeNode
  private let entries: [RecipeNode.Entry]

  /// - shorthand: where a plain word may stand for `{name: word}`.
  init(_ node: RecipeNode, path: String, shorthand: Bool = false) throws {
    self.path = path
    self.node = node
    switch node.content {
    case .map(let entries): self.entries = entries
    case .scalar where shorthand:
      entries = [RecipeNode.Entry(key: "name", origin: node.origin, value: node)]
    default:
      let name = path.isEmpty ? "a recipe" : path
      throw node.failure("\(name) must be a map of keys and values, not \(node.kindName)")
    }
  }

  func fullPath(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  /// Refuses keys other than these, naming the nearest.
  /// - others: keys that exist but do not apply here.
  /// - reason: why they do not, for example "optimizer adam".
  func allow(_ keys: [String], others: [String] = [], reason: String = "") throws {
    for entry in entries where !keys.contains(entry.key) {
      let name = fullPath(entry.key)
      if others.contains(entry.key) {
        throw Failure.badData("\(entry.origin): \(name) does not apply to \(reason); remove it")
      }
      let hint = RecipeKeys.hint(for: entry.key, in: path, among: keys)
      throw Failure.badData("\(entry.origin): unknown key \(name)\(hint)")
    }
  }

  /// The value of a key; nil where it is absent or null.
  subscript(key: String) -> RecipeNode? {
    guard let node = entries.first(where: { $0.key == key })?.value else { return nil }
    if case .null = node.content { return nil }
    return node
  }

  func has(_ key: String) -> Bool { self[key] != nil }

  func section(_ key: String, shorthand: Bool = false) throws -> RecipeSection? {
    try self[key].map { try RecipeSection($0, path: fullPath(key), shorthand: shorthand) }
  }

  func required(_ key: String) throws -> RecipeNode {
    if let node = self[key] { return node }
    throw node.failure("\(fullPath(key)) is missing")
  }
}

// MARK: Typed values

extension RecipeSection {
  func wrong(_ node: RecipeNode, _ key: String, _ expected: String) -> Failure {
    node.failure("\(fullPath(key)) must be \(expected), not \(node.kindName)")
  }

  func int(_ key: String, _ range: ClosedRange<Int> = 1...Int(Int32.max)) throws -> Int? {
    guard let node = self[key] else { return nil }
    return try int(node, key, range)
  }

  func int(_ node: RecipeNode, _ key: String, _ range: ClosedRange<Int>) throws -> Int {
    guard case .scalar(let text) = node.content, let value = Int(text) else {
      throw wrong(node, key, "a whole number")
    }
    if value < range.lowerBound { throw wrong(node, key, "at least \(range.lowerBound)") }
    if value > range.upperBound { throw wrong(node, key, "at most \(range.upperBound)") }
    return value
  }

  /// A list of whole numbers; one alone counts as a list of one.
  func ints(_ key: String, _ range: ClosedRange<Int>) throws -> [Int]? {
    guard let node = self[key] else { return nil }
    return try items(node).map { try int($0, key, range) }
  }

  /// - also: what must hold besides being finite, with its words.
  func double(_ key: String, _ range: NumberRange) throws -> Double? {
    guard let node = self[key] else { return nil }
    return try number(node, key, range)
  }

  func number(_ node: RecipeNode, _ key: String, _ range: NumberRange) throws -> Double {
    guard case .scalar(let text) = node.content, let value = Double(text), value.isFinite else {
      throw wrong(node, key, "a number")
    }
    guard range.contains(value) else { throw wrong(node, key, range.words) }
    return value
  }

  /// A number that becomes a Float, as its nearest one.
  func float(_ key: String, _ range: NumberRange) throws -> Float? {
    guard let node = self[key] else { return nil }
    return try float(node, key, range)
  }

  func float(_ node: RecipeNode, _ key: String, _ range: NumberRange) throws -> Float {
    _ = try number(node, key, range)
    guard case .scalar(let text) = node.content, let value = Float(text), value.isFinite else {
      throw wrong(node, key, "a number that fits in 32 bits")
    }
    return value
  }

  func bool(_ key: String) throws -> Bool? {
    guard let node = self[key] else { return nil }
    switch node.content {
    case .scalar("true"), .scalar("True"), .scalar("TRUE"): return true
    case .scalar("false"), .scalar("False"), .scalar("FALSE"): return false
    default: throw wrong(node, key, "true or false")
    }
  }

  func string(_ key: String) throws -> String? {
    guard let node = self[key] else { return nil }
    guard case .scalar(let text) = node.content, !text.isEmpty else { throw wrong(node, key, "a text") }
    return text
  }

  /// A list of texts; one text alone counts as a list of one.
  func strings(_ key: String) throws -> [String]? {
    guard let node = self[key] else { return nil }
    return try items(node).map { item in
      guard case .scalar(let text) = item.content, !text.isEmpty else {
        throw wrong(item, key, "a list of texts")
      }
      return text
    }
  }

  func items(_ node: RecipeNode) -> [RecipeNode] {
    if case .list(let items) = node.content { return items }
    return [node]
  }

  func choice<Value: RawRepresentable & CaseIterable>(_ key: String, _: Value.Type = Value.self) throws
    -> Value? where Value.RawValue == String
  {
    guard let text = try string(key) else { return nil }
    return try Value(rawValue: text) ?? { throw unknownChoice(key, Value.allCases.map(\.rawValue)) }()
  }

  func unknownChoice(_ key: String, _ choices: [String]) -> Failure {
    let node = self[key] ?? self.node
    var hint = ""
    if case .scalar(let text) = node.content, let near = nearestName(to: text, among: choices) {
      hint = "; did you mean \(near)?"
    }
    return wrong(node, key, "one of \(choices.joined(separator: ", "))").appending(hint)
  }
}

extension Failure {
  fileprivate func appending(_ text: String) -> Failure { Failure(kind, message + text) }
}

/// Numbers a key may have, with the words that say so.
enum NumberRange {
  case any, positive, notNegative
  /// 0...1
  case probability
  /// 0..<1
  case belowOne

  func contains(_ value: Double) -> Bool {
    switch self {
    case .any: true
    case .positive: value > 0
    case .notNegative: value >= 0
    case .probability: value >= 0 && value <= 1
    case .belowOne: value >= 0 && value < 1
    }
  }

  var words: String {
    switch self {
    case .any: "a number"
    case .positive: "above 0"
    case .notNegative: "at least 0"
    case .probability: "between 0 and 1"
    case .belowOne: "at least 0 and below 1"
    }
  }
}
