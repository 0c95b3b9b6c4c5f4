import Diagnostics

extension RecipeNode {
  /// Sets what one `key.path=value` says; the value is YAML, maps on the way are made where absent.
  mutating func apply(override text: String) throws {
    guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")), equals != text.startIndex else {
      throw Failure.usage("--set \(text): expected KEY=VALUE, for example --set optimizer.lr=0.01")
    }
    let keys = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard keys.allSatisfy({ !$0.isEmpty }) else {
      throw Failure.usage("--set \(text): the key has an empty part")
    }
    let origin = Origin.override(text)
    let yaml = String(text[text.utf8.index(after: equals)...])
    // Standard input, where a path is wanted, and no list.
    let value =
      yaml == "-"
      ? RecipeNode(content: .scalar(yaml), origin: origin) : try RecipeNode(yaml: yaml) { _, _ in origin }
    try set(keys[...], to: value, origin: origin)
  }

  private mutating func set(_ keys: ArraySlice<String>, to value: RecipeNode, origin: Origin) throws {
    guard let key = keys.first else {
      self = value
      return
    }
    if case .list(var items) = content {
      guard let index = Int(key), items.indices.contains(index) else {
        throw Failure.badData("\(origin): \(key) is no item of a list of \(items.count) (from 0)")
      }
      try items[index].set(keys.dropFirst(), to: value, origin: origin)
      content = .list(items)
      return
    }
    var entries = mapEntries
    if let index = entries.firstIndex(where: { $0.key == key }) {
      try entries[index].value.set(keys.dropFirst(), to: value, origin: origin)
      entries[index].origin = origin
    } else {
      var node = RecipeNode(content: .map([]), origin: origin)
      try node.set(keys.dropFirst(), to: value, origin: origin)
      entries.append(Pair(key: key, origin: origin, value: node))
    }
    content = .map(entries)
  }

  /// This node as a map to write into: `optimizer: adam` stands for `optimizer: {name: adam}`.
  private var mapEntries: [Pair] {
    switch content {
    case .map(let entries): entries
    case .scalar: [Pair(key: "name", origin: self.origin, value: self)]
    case .null, .list: []
    }
  }
}
