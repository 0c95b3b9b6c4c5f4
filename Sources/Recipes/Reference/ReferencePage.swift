extension RecipeReference {
  /// The reference page of all keys, in Markdown.
  public static var markdown: String {
    var text = """
      # Keys of a recipe

      Made by `recur recipe keys --markdown`; a test compares it with the declarations in `Sections/`.

      | key | value | default | only | what |
      | --- | --- | --- | --- | --- |

      """
    for entry in entries {
      let preset = entry.isRequired ? "required" : entry.preset.map { "`\($0)`" } ?? ""
      // A bar would end the cell.
      let cells = [
        "`\(entry.path)`", entry.isSection ? "section" : entry.value, preset, entry.scope ?? "",
        entry.sentence,
      ].map { $0.replacing("|", with: "\\|") }
      text += "| \(cells.joined(separator: " | ")) |\n"
    }
    return text
  }

  /// The key paths that begin like this.
  public static func paths(beginning text: String) -> [String] {
    unique(entries.map(\.path)).filter { $0.hasPrefix(text) }
  }
}
