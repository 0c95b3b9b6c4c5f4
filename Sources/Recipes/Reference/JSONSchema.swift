/// A JSON Schema (draft 2020-12) of recipes, for editors and other programs.
///
/// It says which keys a recipe may have and what each may be. What several keys say together is checked by
/// `recur recipe check` alone.
struct JSONSchema {
  /// Built by hand, so that keys stay in the order of the declarations.
  indirect enum SchemaValue {
    case text(String)
    case number(String)
    case flag(Bool)
    case null
    case list([SchemaValue])
    case object([(String, SchemaValue)])
  }

  static var recipe: SchemaValue {
    .object(
      [
        ("$schema", .text("https://json-schema.org/draft/2020-12/schema")),
        ("title", .text("A recipe of recur")),
      ] + members(RecipeReference.root))
  }

  /// What a section's map may hold.
  private static func members(_ section: SectionDescription) -> [(String, SchemaValue)] {
    guard let selector = section.selector else { return map(section.keys) }
    // The selector's value decides which keys there are.
    let variants = section.kinds.map { kind -> SchemaValue in
      let keys = section.keys.filter { $0.scope?.contains(kind) ?? true }
      return .object(map(keys, constant: (selector, kind)))
    }
    let words: [SchemaValue] = section.isShorthand ? [.object([("enum", texts(section.kinds))])] : []
    return [("anyOf", .list(words + variants))]
  }

  /// - constant: a key that must have one value.
  private static func map(_ keys: [KeyDescription], constant: (key: String, value: String)? = nil) -> [(
    String, SchemaValue
  )] {
    let properties = keys.map { key -> (String, SchemaValue) in
      let value = key.name == constant?.key ? [("const", SchemaValue.text(constant!.value))] : schema(key)
      return (key.name, .object([("description", .text(description(key)))] + value))
    }
    var members: [(String, SchemaValue)] = [("type", .text("object")), ("properties", .object(properties))]
    let required = keys.filter(\.isRequired).map(\.name)
    if !required.isEmpty { members.append(("required", texts(required))) }
    let companions = keys.compactMap { key in key.companion.map { (key.name, texts([$0])) } }
    if !companions.isEmpty { members.append(("dependentRequired", .object(companions))) }
    return members + [("additionalProperties", .flag(false))]
  }

  /// What an editor shows: the sentence, and what holds where the key is left out.
  private static func description(_ key: KeyDescription) -> String {
    key.sentence + (key.preset.map { " Default: \($0)." } ?? "")
  }

  /// A key that may be left out may be null too.
  private static func schema(_ key: KeyDescription) -> [(String, SchemaValue)] {
    key.isRequired ? schema(key.kind) : schema(key.kind).map(orNull)
  }

  /// The member that says what a value may be, with null besides: an editor says more about one schema than about a choice of two.
  private static func orNull(_ member: (String, SchemaValue)) -> (String, SchemaValue) {
    switch member {
    case ("type", .list(let types)): ("type", .list(types + [.text("null")]))
    case ("type", let type): ("type", .list([type, .text("null")]))
    case ("enum", .list(let words)): ("enum", .list(words + [.null]))
    case ("anyOf", .list(let schemas)): ("anyOf", .list(schemas + [.object([("type", .text("null"))])]))
    default: member
    }
  }

  private static func schema(_ kind: ValueKind) -> [(String, SchemaValue)] {
    switch kind {
    case .whole(let range):
      [
        ("type", .text("integer")), ("minimum", .number("\(range.lowerBound)")),
        ("maximum", .number("\(range.upperBound)")),
      ]
    case .number(let range): [("type", .text("number"))] + bounds(range)
    case .flag: [("type", .text("boolean"))]
    // A recipe's words are texts whatever YAML takes them for.
    case .text, .file: [("type", texts(["string", "number", "boolean"]))]
    case .choice(let choices): [("enum", texts(choices))]
    case .list(let item, let count): list(item, count)
    case .map(let entries):
      [
        (
          "anyOf",
          .list(
            entries.sorted { $0.key < $1.key }.map { name, kind in
              .object([
                ("type", .text("object")), ("properties", .object([(name, .object(schema(kind)))])),
                ("required", texts([name])), ("additionalProperties", .flag(false)),
              ])
            })
        )
      ]
    case .entries(let value): [("type", .text("object")), ("additionalProperties", .object(schema(value)))]
    case .section(let section): members(section)
    case .either(let kinds): [("anyOf", .list(kinds.map { .object(schema($0)) }))]
    }
  }

  private static func bounds(_ range: NumberRange) -> [(String, SchemaValue)] {
    switch range {
    case .any: []
    case .positive: [("exclusiveMinimum", .number("0"))]
    case .notNegative: [("minimum", .number("0"))]
    case .probability: [("minimum", .number("0")), ("maximum", .number("1"))]
    case .inside: [("exclusiveMinimum", .number("0")), ("exclusiveMaximum", .number("1"))]
    case .belowOne: [("minimum", .number("0")), ("exclusiveMaximum", .number("1"))]
    }
  }

  private static func list(_ item: ValueKind, _ count: ValueKind.Count) -> [(String, SchemaValue)] {
    let items: [(String, SchemaValue)] = [("type", .text("array")), ("items", .object(schema(item)))]
    return switch count {
    case .any: items
    case .notEmpty: items + [("minItems", .number("1"))]
    case .exactly(let count): items + [("minItems", .number("\(count)")), ("maxItems", .number("\(count)"))]
    case .orOneAlone: [("anyOf", .list([.object(schema(item)), .object(items)]))]
    }
  }

  private static func texts(_ texts: [String]) -> SchemaValue { .list(texts.map { .text($0) }) }
}
