import Diagnostics

/// A piece of a recipe that remembers where it was written, so that every message can say so.
struct RecipeNode {
  enum Origin {
    case file(String, line: Int, column: Int)
    /// The whole `key=value`.
    case override(String)
  }
  enum Content {
    case null
    case scalar(String)
    case list([RecipeNode])
    case map([Pair])
  }
  struct Pair {
    var key: String
    var origin: Origin
    var value: RecipeNode
  }

  var content: Content
  var origin: Origin

  func failure(_ message: String) -> Failure { .badData("\(origin): \(message)") }

  /// What it is, in words for messages.
  var kindName: String {
    switch content {
    case .null: "null"
    case .scalar(let text): text.isEmpty ? "an empty text" : text.count > 60 ? "\(text.prefix(60))…" : text
    case .list: "a list"
    case .map: "a map"
    }
  }
}

extension RecipeNode.Origin: CustomStringConvertible {
  var description: String {
    switch self {
    case .file(let path, let line, let column): "\(path):\(line):\(column)"
    case .override(let text): "--set \(text)"
    }
  }
}

extension RecipeNode {
  private static let mostValues = 10_000

  /// Reads YAML text.
  /// - origin: what a place in the text is called.
  init(yaml: String, origin: (_ line: Int, _ column: Int) -> Origin) throws {
    // libyaml takes a time that grows with the square of how deep brackets are.
    let brackets = yaml.utf8.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }
    guard brackets <= Self.mostValues else {
      throw Failure.badData("\(origin(1, 1)): more than \(Self.mostValues) brackets; this is no recipe")
    }
    do {
      let document = try YAMLDocument(yaml)
      guard let root = document.root else {
        self.init(content: .null, origin: origin(1, 1))
        return
      }
      var budget = Self.mostValues
      self = try RecipeNode(root, origin: origin, depth: 0, budget: &budget)
    } catch let problem as YAMLDocument.Problem {
      throw Failure.badData("\(origin(problem.line, problem.column)): not YAML: \(problem.words)")
    }
  }

  /// - budget: how many more values there may be.
  private init(
    _ node: YAMLDocument.Node, origin: (Int, Int) -> Origin, depth: Int, budget: inout Int
  ) throws {
    self.origin = origin(node.place.line, node.place.column)
    content = .null
    budget -= 1
    // Aliases can stand for more values than fit in memory, and for what they are part of.
    guard budget > 0 else { throw failure("more than \(Self.mostValues) values; this is no recipe") }
    try Self.requireOwnKind(node, self.origin)
    guard depth < 100 else { throw failure("values within values, 100 deep; this is no recipe") }
    switch node.content {
    case .scalar(let text, let isPlain):
      content = isPlain && ["", "~", "null", "Null", "NULL"].contains(text) ? .null : .scalar(text)
    case .sequence(let items):
      content = .list(
        try items.map { try RecipeNode($0, origin: origin, depth: depth + 1, budget: &budget) })
    case .mapping(let pairs):
      let entries = try pairs.map { key, value in
        let place = origin(key.place.line, key.place.column)
        try Self.requireOwnKind(key, place)
        guard case .scalar(let name, _) = key.content else {
          throw Failure.badData("\(place): a key must be a plain word")
        }
        let node = try RecipeNode(value, origin: origin, depth: depth + 1, budget: &budget)
        return Pair(key: name, origin: place, value: node)
      }
      try requireDistinct(entries)
      content = .map(entries)
    }
  }

  /// A tag would ask for something that no key is.
  private static func requireOwnKind(_ node: YAMLDocument.Node, _ place: Origin) throws {
    guard let tag = node.foreignTag else { return }
    throw Failure.badData("\(place): the tag \(quoted(tag)) means nothing in a recipe; remove it")
  }

  private func requireDistinct(_ entries: [Pair]) throws {
    var places: [Name: Origin] = [:]
    for entry in entries {
      if let first = places.updateValue(entry.origin, forKey: Name(entry.key)) {
        throw Failure.badData("\(first): key \(entry.key) stands twice; keep one")
      }
    }
  }
}
