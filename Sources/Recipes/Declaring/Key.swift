/// One key of a section, declared once.
///
/// Reading, writing, messages, hints, completion, the reference page and the JSON schema are made from it.
struct Key<Root>: Sendable {
  let name: String
  /// One sentence of help.
  let sentence: String
  let kind: ValueKind
  /// What the value of the section's selector must be for this key to mean something; nil for anything.
  let scope: [String]?
  var isRequired = false
  /// Where the value comes from if the key is left out, in words; nil where the section's start says it.
  var absence: String?
  /// The key of the same section without which this one means nothing.
  var companion: String?
  fileprivate var isMeant: @Sendable (Root) -> Bool = { _ in true }
  private var check: @Sendable (Root, RecipeMap) throws -> Void = { _, _ in }
  private var isNullWritten = true
  private var isSilent: @Sendable (Root) -> Bool = { _ in false }
  private let get: @Sendable (RecipeNode, KeyLocation, inout Root) throws -> Void
  private let put: @Sendable (Root) -> YAMLText

  /// A key that is read and written by hand.
  init(
    _ name: String, _ kind: ValueKind, scope: [String]?, _ sentence: String,
    read: @escaping @Sendable (RecipeNode, KeyLocation, inout Root) throws -> Void,
    write: @escaping @Sendable (Root) -> YAMLText
  ) {
    (self.name, self.kind, self.scope, self.sentence) = (name, kind, scope, sentence)
    (get, put) = (read, write)
  }

  /// A key whose value always has one.
  init<Value>(
    _ name: String, _ path: WritableKeyPath<Root, Value> & Sendable, _ codec: Codec<Value>,
    scope: [String]? = nil,
    _ sentence: String
  ) {
    self.init(name, codec.kind, scope: scope, sentence) { node, place, root in
      root[keyPath: path] = try codec.read(node, place)
    } write: {
      codec.write($0[keyPath: path])
    }
  }

  /// A key whose value may be null.
  init<Value>(
    _ name: String, optional path: WritableKeyPath<Root, Value?> & Sendable, _ codec: Codec<Value>,
    scope: [String]? = nil, _ sentence: String
  ) {
    self.init(name, codec.kind, scope: scope, sentence) { node, place, root in
      root[keyPath: path] = try codec.read(node, place)
    } write: {
      $0[keyPath: path].map(codec.write) ?? .null
    }
  }
}

extension Key where Root: SelectedSection {
  /// - only: the kinds of section that have this key.
  init<Value>(
    _ name: String, _ path: WritableKeyPath<Root, Value> & Sendable, _ codec: Codec<Value>, only: [Root.Kind],
    _ sentence: String
  ) {
    self.init(name, path, codec, scope: only.map(\.rawValue), sentence)
  }

  /// - only: the kinds of section that have this key.
  init<Value>(
    _ name: String, optional path: WritableKeyPath<Root, Value?> & Sendable, _ codec: Codec<Value>,
    only: [Root.Kind], _ sentence: String
  ) {
    self.init(name, optional: path, codec, scope: only.map(\.rawValue), sentence)
  }

  /// The key whose value says which others the section has.
  init(selector name: String, _ sentence: String) {
    self.init(name, .choice(Root.Kind.allCases.map(\.rawValue)), scope: nil, sentence) { _, _, _ in
      // The section has read it before all other keys.
    } write: {
      .plain($0.kind.rawValue)
    }
    isRequired = true
  }
}

// MARK: More about a key

extension Key {
  func required() -> Key {
    var key = self
    key.isRequired = true
    return key
  }

  /// Says in words what a key left out means.
  func absent(_ words: String) -> Key {
    var key = self
    key.absence = words
    return key
  }

  /// Leaves the key out of the effective recipe where it is null or an empty list.
  func unwrittenIfNull() -> Key {
    var key = self
    key.isNullWritten = false
    return key
  }

  /// Leaves it out where it says nothing.
  func unwritten(if isSilent: @escaping @Sendable (Root) -> Bool) -> Key {
    var key = self
    key.isSilent = isSilent
    return key
  }

  /// Means nothing, is refused and not written without another key of the section.
  func needing(_ companion: String, _ isMeant: @escaping @Sendable (Root) -> Bool) -> Key {
    var key = self
    (key.companion, key.isMeant) = (companion, isMeant)
    return key
  }

  /// What must hold besides, of this key and those before it; it throws a message at the key to change.
  func checked(_ check: @escaping @Sendable (Root, RecipeMap) throws -> Void) -> Key {
    var key = self
    key.check = check
    return key
  }
}

// MARK: Use

extension Key {
  func applies(to kind: String?) -> Bool {
    guard let scope, let kind else { return true }
    return scope.contains(kind)
  }

  /// Takes the value out of a section where it is there, and checks it.
  func read(from map: RecipeMap, into root: inout Root) throws {
    if let node = map[name] {
      try get(node, map.place(name), &root)
      if let companion, !isMeant(root) {
        throw node.failure("\(map.fullPath(name)) needs \(map.fullPath(companion))")
      }
    } else if isRequired {
      throw map.node.failure("\(map.fullPath(name)) is missing")
    }
    try check(root, map)
  }

  /// nil where the effective recipe does not have the key.
  func written(_ root: Root) -> YAMLText? {
    guard isMeant(root), !isSilent(root) else { return nil }
    let text = put(root)
    return !isNullWritten && text.isNothing ? nil : text
  }

  /// What a section holds that does not name the key.
  func preset(_ root: Root) -> YAMLText { put(root) }
}
