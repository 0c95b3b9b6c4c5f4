import Diagnostics
import Yams

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
    case map([Entry])
  }
  struct Entry {
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
  /// Reads YAML text.
  /// - origin: what a place in the text is called.
  init(yaml: String, origin: (_ line: Int, _ column: Int) -> Origin) throws {
    do {
      // The basic resolver leaves scalars as text: types are the recipe's business, not YAML's guess.
      let root = try Parser(yaml: yaml, resolver: .basic).singleRoot()
      guard let root else {
        self.init(content: .null, origin: origin(1, 1))
        return
      }
      var budget = 10_000
      self = try RecipeNode(root, origin: origin, budget: &budget)
    } catch let error as YamlError {
      throw error.failure(origin: origin)
    }
  }

  private init(_ node: Node, origin: (Int, Int) -> Origin, budget: inout Int) throws {
    self.origin = origin(node.mark?.line ?? 1, node.mark?.column ?? 1)
    content = .null
    budget -= 1
    // Aliases of aliases can stand for more nodes than fit in memory.
    guard budget > 0 else { throw failure("more than 10000 values; this is no recipe") }
    switch node {
    case .scalar(let scalar):
      let isPlain = scalar.style == .plain || scalar.style == .any
      let nulls = ["", "~", "null", "Null", "NULL"]
      content = isPlain && nulls.contains(scalar.string) ? .null : .scalar(scalar.string)
    case .sequence(let sequence):
      content = .list(try sequence.map { try RecipeNode($0, origin: origin, budget: &budget) })
    case .mapping(let mapping):
      content = .map(
        try mapping.map { key, value in
          let place = origin(key.mark?.line ?? 1, key.mark?.column ?? 1)
          guard case .scalar(let scalar) = key else {
            throw Failure.badData("\(place): a key must be a plain word")
          }
          let node = try RecipeNode(value, origin: origin, budget: &budget)
          return Entry(key: scalar.string, origin: place, value: node)
        })
    case .alias:
      throw failure("aliases are resolved while parsing; this one was not")
    }
  }
}

extension YamlError {
  fileprivate func failure(origin: (Int, Int) -> RecipeNode.Origin) -> Failure {
    switch self {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let before = context.map { "\($0.text): " } ?? ""
      return .badData("\(origin(mark.line, mark.column)): not YAML: \(before)\(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      let keys = duplicates.joined(separator: ", ")
      return .badData("\(origin(context.mark.line, context.mark.column)): key \(keys) stands twice; keep one")
    case .reader(let problem, _, _, _):
      return .badData("\(origin(1, 1)): not YAML: \(problem)")
    default:
      return .badData("\(origin(1, 1)): not YAML")
    }
  }
}
