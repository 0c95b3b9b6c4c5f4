/// How values of a type are read from a recipe, written to one, and described.
struct Codec<Value>: Sendable {
  let kind: ValueKind
  let read: @Sendable (RecipeNode, KeyLocation) throws -> Value
  let write: @Sendable (Value) -> YAMLText

  init(
    _ kind: ValueKind, read: @escaping @Sendable (RecipeNode, KeyLocation) throws -> Value,
    write: @escaping @Sendable (Value) -> YAMLText
  ) {
    (self.kind, self.read, self.write) = (kind, read, write)
  }
}

// MARK: Numbers

extension Codec where Value: FixedWidthInteger & Sendable {
  /// Whole numbers; the range must be one of `Value`'s.
  static func whole(_ range: ClosedRange<Int> = 1...Int(Int32.max)) -> Codec {
    Codec(.whole(range)) { node, place in
      Value(try node.whole(range, place))
    } write: {
      .plain("\($0)")
    }
  }
}

extension Codec where Value == Double {
  static func number(_ range: NumberRange) -> Codec {
    Codec(.number(range)) { node, place in
      try node.number(range, place)
    } write: {
      .init($0)
    }
  }
}

extension Codec where Value == Float {
  /// Its nearest Float, of the digits themselves.
  static func number(_ range: NumberRange) -> Codec {
    Codec(.number(range)) { node, place in
      try node.float(range, place)
    } write: {
      .plain("\($0)")
    }
  }
}

extension Codec where Value == Bool {
  static var flag: Codec {
    Codec(.flag) { node, place in
      switch node.content {
      case .scalar("true"), .scalar("True"), .scalar("TRUE"): true
      case .scalar("false"), .scalar("False"), .scalar("FALSE"): false
      default: throw place.wrong(node, "true or false")
      }
    } write: {
      .plain("\($0)")
    }
  }
}

// MARK: Words

extension Codec where Value == String {
  static var text: Codec {
    Codec(.text) { node, place in
      try node.text(place)
    } write: {
      .text($0)
    }
  }

  /// A path, made absolute.
  static var file: Codec {
    Codec(.file) { node, place in
      try place.absolutePath(node.text(place), of: node)
    } write: {
      .text($0)
    }
  }

  static func choice(of choices: [String]) -> Codec {
    Codec(.choice(choices)) { node, place in
      let text = try node.text(place)
      guard choices.contains(text) else { throw place.unknownChoice(node, choices) }
      return text
    } write: {
      .plain($0)
    }
  }
}

extension Codec where Value: RawRepresentable<String> & CaseIterable & Sendable {
  /// One of an enumeration's words.
  /// - synonyms: what older recipes say for one of them.
  static func choice(synonyms: [String: String] = [:]) -> Codec {
    let words = Codec<String>.choice(of: Value.allCases.map(\.rawValue) + synonyms.keys.sorted())
    return Codec(words.kind) { node, place in
      let word = try words.read(node, place)
      let text = synonyms[word] ?? word
      guard let value = Value(rawValue: text) else { preconditionFailure("\(text) is one of the choices") }
      return value
    } write: {
      .plain($0.rawValue)
    }
  }
}

extension Codec where Value == [String] {
  /// Texts; one alone counts as a list of one.
  /// - emptyAsNull: how none is written.
  /// - mayBeEmpty: whether a text may be.
  static func texts(emptyAsNull: Bool = false, mayBeEmpty: Bool = false) -> Codec {
    Codec(.list(of: .text, .orOneAlone)) { node, place in
      try node.items.map { item in
        guard case .scalar(let text) = item.content, mayBeEmpty || !text.isEmpty else {
          throw place.wrong(item, "a list of texts")
        }
        return text
      }
    } write: {
      $0.isEmpty && emptyAsNull ? .null : .list($0.map { .text($0) })
    }
  }
}
