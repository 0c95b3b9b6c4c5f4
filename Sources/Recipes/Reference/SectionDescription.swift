/// A section's declaration without its type: what the reference, completion and the schema are made of.
struct SectionDescription: Sendable {
  /// The key whose value says which others there are.
  let selector: String?
  /// The selector's values.
  let kinds: [String]
  /// Stands before a kind where a key applies to it only: "optimizer ".
  let words: String
  /// Whether a plain word may stand for `{name: word}`.
  let isShorthand: Bool
  let keys: [KeyDescription]
  /// Each name once, in the order of declaration.
  let names: [String]

  init<Root>(_ section: Section<Root>, shorthand: Bool) {
    selector = section.selector?.name
    kinds = section.selector?.kinds ?? []
    words = section.selector?.words ?? ""
    isShorthand = shorthand
    names = section.names(of: nil)
    keys = section.keys.map { KeyDescription($0, of: section) }
  }
}

/// A key's declaration without its type.
struct KeyDescription: Sendable {
  let name: String
  let sentence: String
  let kind: ValueKind
  /// The kinds of section that have it; nil for all.
  let scope: [String]?
  let isRequired: Bool
  let companion: String?
  /// What holds where it is left out, for each kind of section that has it; nil where it may not be.
  let preset: String?

  init<Root>(_ key: Key<Root>, of section: Section<Root>) {
    (name, sentence, kind, scope) = (key.name, key.sentence, key.kind, key.scope)
    (isRequired, companion) = (key.isRequired, key.companion)
    preset = key.isRequired ? nil : key.absence ?? Self.preset(key, of: section)
  }

  /// The commonest value, then those of other kinds: "0.001 (rmsprop: 0.01)".
  private static func preset<Root>(_ key: Key<Root>, of section: Section<Root>) -> String? {
    guard let selector = section.selector else { return text(key.preset(section.start(nil)), key.kind) }
    let presets = selector.kinds.filter { key.applies(to: $0) }
      .compactMap { kind in text(key.preset(section.start(kind)), key.kind).map { (kind: kind, text: $0) } }
    guard !presets.isEmpty else { return nil }
    let common = presets.map(\.text).max { a, b in
      presets.count { $0.text == a } < presets.count { $0.text == b }
    }
    let others = presets.filter { $0.text != common }.map { "\($0.kind): \($0.text)" }
    return (common ?? "") + (others.isEmpty ? "" : " (\(others.joined(separator: ", ")))")
  }

  /// A section is said by its word, where one may stand for it, and else by its keys.
  private static func text(_ value: YAMLText, _ kind: ValueKind) -> String? {
    guard case .section(let section) = kind, case .map(let entries) = value else { return value.flow }
    return section.isShorthand ? entries.first { $0.0 == section.selector }?.1.flow : nil
  }
}
