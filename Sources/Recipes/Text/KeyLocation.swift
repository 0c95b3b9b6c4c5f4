import Diagnostics
import Files

/// The key that is being read, for messages, and where its paths start.
struct KeyLocation {
  /// From the recipe's root: `model.init.forget_bias`.
  let path: String
  let baseDirectory: String

  func deeper(_ key: String) -> KeyLocation {
    KeyLocation(path: "\(path).\(key)", baseDirectory: baseDirectory)
  }

  func wrong(_ node: RecipeNode, _ expected: String) -> Failure {
    node.failure("\(path) must be \(expected), not \(node.kindName)")
  }

  func unknownChoice(_ node: RecipeNode, _ choices: [String]) -> Failure {
    var hint = ""
    if case .scalar(let text) = node.content, let near = nearestName(to: text, among: choices) {
      hint = "; did you mean \(near)?"
    }
    return node.failure(
      "\(path) must be one of \(choices.joined(separator: ", ")), not \(node.kindName)\(hint)")
  }

  /// A path as the process can open it: from the folder of the file it stands in, or where the process stands for `--set`.
  func absolutePath(_ path: String, of node: RecipeNode) -> String {
    // Standard input.
    if path == "-" { return path }
    // What was typed is relative to where the person stands.
    let base = if case .override = node.origin { Paths.current } else { baseDirectory }
    return Paths.absolute(path, from: base)
  }
}

extension RecipeNode {
  func whole(_ range: ClosedRange<Int>, _ place: KeyLocation) throws -> Int {
    guard case .scalar(let text) = content, let value = Int(text) else {
      throw place.wrong(self, "a whole number")
    }
    if value < range.lowerBound { throw place.wrong(self, "at least \(range.lowerBound)") }
    if value > range.upperBound { throw place.wrong(self, "at most \(range.upperBound)") }
    return value
  }

  func number(_ range: NumberRange, _ place: KeyLocation) throws -> Double {
    guard case .scalar(let text) = content, let value = Double(text), value.isFinite else {
      throw place.wrong(self, "a number")
    }
    guard range.contains(value) else { throw place.wrong(self, range.words) }
    return value
  }

  /// A number that becomes a Float, as its nearest one.
  func float(_ range: NumberRange, _ place: KeyLocation) throws -> Float {
    _ = try number(range, place)
    guard case .scalar(let text) = content, let value = Float(text), value.isFinite else {
      throw place.wrong(self, "a number that fits in 32 bits")
    }
    return value
  }

  func text(_ place: KeyLocation) throws -> String {
    guard case .scalar(let text) = content, !text.isEmpty else { throw place.wrong(self, "a text") }
    return text
  }

  /// A list's items; what is no list counts as a list of one.
  var items: [RecipeNode] {
    if case .list(let items) = content { return items }
    return [self]
  }
}
