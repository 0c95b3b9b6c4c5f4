/// A map of a recipe: its keys, in the order in which they are read and written.
struct Section<Root>: Sendable {
  /// The key whose value says which others there are.
  struct Selector: Sendable {
    let name: String
    let kinds: [String]
    /// Stands before the kind where a message says why a key does not apply.
    let words: String
    let kind: @Sendable (Root) -> String
  }

  let selector: Selector?
  /// Holds what keys that are left out say; of a kind where there is a selector.
  let start: @Sendable (_ kind: String?) -> Root
  let keys: [Key<Root>]

  /// A section that always has the same keys.
  init(start: Root, keys: [Key<Root>]) where Root: Sendable {
    selector = nil
    self.start = { _ in start }
    self.keys = keys
  }

  /// A section whose selector is one of its keys.
  /// - words: see `Selector`.
  init(selector name: String, words: String, keys: [Key<Root>]) where Root: SelectedSection {
    selector = Selector(name: name, kinds: Root.Kind.allCases.map(\.rawValue), words: words) {
      $0.kind.rawValue
    }
    start = { kind in
      guard let kind = kind.flatMap(Root.Kind.init(rawValue:)) else { preconditionFailure("no kind") }
      return Root.start(kind)
    }
    self.keys = keys
  }
}

/// A type that is a map in a recipe.
protocol DeclaredSection: Sendable {
  static var section: Section<Self> { get }
}

/// A section whose keys depend on one of them, its selector.
protocol SelectedSection: DeclaredSection {
  associatedtype Kind: RawRepresentable<String> & CaseIterable & Sendable
  var kind: Kind { get }
  /// What a section of this kind holds that has no other key.
  static func start(_ kind: Kind) -> Self
}

extension Section {
  func read(_ map: RecipeMap) throws -> Root {
    let names = names(of: nil)
    try map.allow(names)
    var kind: String?
    if let selector {
      let node = try map.required(selector.name)
      let choices = Codec<String>.choice(of: selector.kinds)
      let value = try choices.read(node, map.place(selector.name))
      try map.allow(self.names(of: value), others: names, reason: selector.words + value)
      kind = value
    }
    var root = start(kind)
    for key in keys where key.applies(to: kind) { try key.read(from: map, into: &root) }
    return root
  }

  func write(_ root: Root) -> YAMLText.Entries {
    let kind = selector?.kind(root)
    return keys.filter { $0.applies(to: kind) }.compactMap { key in key.written(root).map { (key.name, $0) } }
  }

  /// Each name once; of all kinds where there is none.
  func names(of kind: String?) -> [String] {
    var names: [String] = []
    for key in keys where key.applies(to: kind) && !names.contains(key.name) { names.append(key.name) }
    return names
  }
}

extension Codec where Value: DeclaredSection {
  /// - shorthand: whether a plain word may stand for `{name: word}`.
  static func section(shorthand: Bool = false) -> Codec {
    Codec(.section(SectionDescription(Value.section, shorthand: shorthand))) { node, place in
      try Value.section.read(RecipeMap(node, place: place, shorthand: shorthand))
    } write: {
      .map(Value.section.write($0))
    }
  }
}
