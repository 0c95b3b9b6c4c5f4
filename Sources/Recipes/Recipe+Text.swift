import Diagnostics
import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Recipe {
  /// Reads a YAML file. Relative data paths start at its folder, those of `overrides` where this process stands.
  /// - overrides: `key.path=value` with YAML values, applied in order before anything is checked.
  /// - Throws: a `Failure` that names file, line, column and key.
  public init(contentsOf path: String, overrides: [String] = []) throws {
    try self.init(RecipeText(path), overrides: overrides)
  }

  package init(_ text: RecipeText, overrides: [String] = []) throws {
    try self.init(yaml: text.yaml, path: text.path, baseDirectory: text.folder, overrides: overrides)
  }

  /// Reads YAML text. `path` names it in messages; relative data paths start at `baseDirectory`, those of `overrides` where this
  /// process stands.
  public init(yaml: String, path: String, baseDirectory: String, overrides: [String] = []) throws {
    var node = try RecipeNode(yaml: yaml) { .file(path, line: $0, column: $1) }
    for override in overrides { try node.apply(override: override) }
    let root = try RecipeMap(node, place: KeyLocation(path: "", baseDirectory: baseDirectory))
    self = try Recipe.section.read(root)
    data = data.completed
    if !root.has("name") { name = Paths.stem(of: path) }
  }

  /// The same recipe after all checks that a recipe from a file goes through.
  package func validated() throws -> Recipe {
    try Recipe(yaml: effectiveYAML, path: "recipe \(name)", baseDirectory: "/")
  }

  /// Every key with its value in a fixed order, data paths absolute; reads back as an equal recipe.
  public var effectiveYAML: String {
    Recipe.section.write(self).map { key, value in value.lines(of: key) }.joined()
  }

  /// Every key with its value on one line, in the order of the effective recipe: `optimizer.lr`, `0.001`. What lies deeper than a
  /// section's own keys is one value.
  public var keyValues: [(key: Name, value: String)] {
    Recipe.section.write(self).flatMap { section, value -> [(key: Name, value: String)] in
      guard case .map(let entries) = value else { return [(Name(section), value.flow)] }
      return entries.map { (Name("\(section).\($0)"), $1.flow) }
    }
  }
}
