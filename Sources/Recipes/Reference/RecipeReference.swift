import Diagnostics

/// All keys of a recipe, as they are declared.
public enum RecipeReference {
  /// One key.
  public struct KeyReference: Sendable {
    /// From the recipe's root: `train.ema`.
    public let path: String
    /// What a value may be: "number, at least 0 and below 1".
    public let value: String
    /// What holds where the key is left out; nil where it must be there, and for sections.
    public let preset: String?
    public let isRequired: Bool
    /// Whether only keys below this one say what it is; where a plain value will do too, it is none.
    public let isSection: Bool
    /// Where the key means something, such as "optimizer sgd"; nil for everywhere.
    public let scope: String?
    /// One sentence.
    public let sentence: String
    /// The words that a value may be.
    public let choices: [String]
  }

  /// In the order of the effective recipe; a section comes before its keys.
  public static let entries: [KeyReference] = entries(of: root, path: "", scope: nil)

  static let root = SectionDescription(Recipe.section, shorthand: false)

  /// The entries of a key, and of those below it: one for each place where it means something else.
  /// - Throws: a usage `Failure` that names the nearest key.
  public static func entries(of path: String) throws -> [KeyReference] {
    let found = entries.filter { $0.path == path || $0.path.hasPrefix(path + ".") }
    if !found.isEmpty { return found }
    let last = path.split(separator: ".").last.map(String.init) ?? path
    let paths = entries.map(\.path)
    let near = nearestName(to: path, among: paths) ?? paths.first { $0.hasSuffix("." + last) }
    throw Failure.usage(
      "\(path) is no key of a recipe"
        + (near.map { "; did you mean \($0)?" } ?? "; recur recipe keys shows all"))
  }

  private static func entries(of section: SectionDescription, path: String, scope: String?) -> [KeyReference]
  {
    section.keys.flatMap { key -> [KeyReference] in
      let full = path.isEmpty ? key.name : "\(path).\(key.name)"
      let own =
        key.scope.map { "\(section.words)\($0.joined(separator: ", "))" }
        ?? key.companion.map { "\(path).\($0)" }
      let inner = key.kind.section
      let entry = KeyReference(
        path: full, value: key.kind.words, preset: key.preset, isRequired: key.isRequired,
        isSection: key.kind.isSection, scope: own ?? scope, sentence: key.sentence, choices: key.kind.choices)
      return [entry] + (inner.map { entries(of: $0, path: full, scope: own ?? scope) } ?? [])
    }
  }
}

// MARK: Hints and completion

extension RecipeReference {
  /// What may have been meant by an unknown key: one nearby in the same section, else the same word elsewhere.
  static func hint(for key: String, among keys: [String]) -> String {
    if let near = nearestName(to: key, among: keys) { return "; did you mean \(near)?" }
    // The one nearest to the root.
    let elsewhere = entries.map(\.path).filter { $0 == key || $0.hasSuffix("." + key) }
      .min { depth(of: $0) < depth(of: $1) }
    if let elsewhere { return "; did you mean \(elsewhere)?" }
    return "; known keys: \(keys.joined(separator: ", "))"
  }

  private static func depth(of path: String) -> Int { path.utf8.count { $0 == UInt8(ascii: ".") } }

  /// What may follow `--set ` that begins like this: keys with `=`, and after it the words that a value may be. A shell ends the
  /// word where there is one candidate alone, so that a key comes with its words as soon as it is the only one.
  public static func completions(of text: String) -> [String] {
    guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else {
      let settable = entries.filter { !$0.isSection || !$0.choices.isEmpty }
      let keys = unique(settable.map(\.path)).filter { $0.hasPrefix(text) }
      let settings = keys.count == 1 ? values(of: keys[0]) : []
      return settings.isEmpty ? keys.map { "\($0)=" } : settings
    }
    return values(of: String(text[..<equals])).filter { $0.hasPrefix(text) }
  }

  private static func values(of path: String) -> [String] {
    unique(entries.filter { $0.path == path }.flatMap(\.choices)).map { "\(path)=\($0)" }
  }

  static func unique(_ words: [String]) -> [String] {
    var seen: Set<String> = []
    return words.filter { seen.insert($0).inserted }
  }
}
