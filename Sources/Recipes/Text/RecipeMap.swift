import Diagnostics

/// A map of a recipe, and where it stands.
struct RecipeMap {
  /// Its key path; empty for the whole recipe.
  let path: String
  let node: RecipeNode
  private let baseDirectory: String
  private let entries: [RecipeNode.Pair]

  /// - shorthand: where a plain word may stand for `{name: word}`.
  init(_ node: RecipeNode, place: KeyLocation, shorthand: Bool = false) throws {
    (path, baseDirectory) = (place.path, place.baseDirectory)
    self.node = node
    switch node.content {
    case .map(let entries): self.entries = entries
    case .scalar where shorthand:
      entries = [RecipeNode.Pair(key: "name", origin: node.origin, value: node)]
    default:
      let name = path.isEmpty ? "a recipe" : path
      throw node.failure("\(name) must be a map of keys and values, not \(node.kindName)")
    }
  }

  func fullPath(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  func place(_ key: String) -> KeyLocation { KeyLocation(path: fullPath(key), baseDirectory: baseDirectory) }

  /// Refuses keys other than these, naming the nearest.
  /// - others: keys that exist but do not apply here.
  /// - reason: why they do not, for example "optimizer adam".
  func allow(_ keys: [String], others: [String] = [], reason: String = "") throws {
    for entry in entries where !keys.contains(entry.key) {
      let name = fullPath(entry.key)
      if others.contains(entry.key) {
        throw Failure.badData("\(entry.origin): \(name) does not apply to \(reason); remove it")
      }
      let hint = RecipeReference.hint(for: entry.key, among: keys)
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

  func required(_ key: String) throws -> RecipeNode {
    if let node = self[key] { return node }
    throw node.failure("\(fullPath(key)) is missing")
  }

  /// What is wrong, at the value of a key; of a nested map as `init.forget_bias`. At the map where the key is absent.
  func failure(at key: String, _ message: String) -> Failure {
    var place = node
    var map: RecipeMap? = self
    for part in key.split(separator: ".") {
      guard let next = map?[String(part)] else { break }
      place = next
      map = try? RecipeMap(next, place: KeyLocation(path: "", baseDirectory: ""))
    }
    return place.failure(message)
  }
}
