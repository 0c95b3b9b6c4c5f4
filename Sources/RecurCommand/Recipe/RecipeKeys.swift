import ArgumentParser
import Diagnostics
import Recur

struct RecipeKeys: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Lists the keys of a recipe, or tells all about one.")

  @Argument(
    help: "A key or a section, for example train.ema.",
    completion: .custom { _, _, text in RecipeReference.paths(beginning: text) })
  var key: String?
  @Flag(help: "Print the reference page, in Markdown.") var markdown = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard !(markdown && key != nil) else {
      throw ValidationError("--markdown prints all keys; leave \(key!) out")
    }
  }

  func execute(_ console: Console) throws -> RecipeKeysReport {
    let entries = try key.map(RecipeReference.entries(of:)) ?? RecipeReference.entries
    if markdown {
      try console.write(Array(RecipeReference.markdown.utf8))
    } else if let key {
      for line in Self.page(of: key, entries) { try console.say(line) }
    } else {
      for line in Self.table(entries).lines { try console.say(line) }
      try console.say("")
      try console.say("recur recipe keys KEY tells all about one.")
    }
    return RecipeKeysReport(entries)
  }

  /// The key, and those below it.
  private static func page(of key: String, _ entries: [RecipeReference.KeyReference]) -> [String] {
    var lines: [String] = []
    for entry in entries where entry.path == key {
      lines += [entry.path, "  \(entry.sentence)", "  value    \(entry.value)"]
      if entry.isRequired { lines.append("  required") }
      if let preset = entry.preset { lines.append("  default  \(preset)") }
      if let scope = entry.scope { lines.append("  only     \(scope)") }
    }
    let below = entries.filter { $0.path != key }
    return below.isEmpty ? lines : lines + [""] + table(below).lines
  }

  private static func table(_ entries: [RecipeReference.KeyReference]) -> TextTable {
    TextTable(
      header: ["key", "default", "only", "what"],
      rows: entries.map { entry in
        [
          entry.path, entry.isRequired ? "required" : entry.preset ?? "", entry.scope ?? "",
          entry.sentence,
        ]
      })
  }
}

struct RecipeKeysReport: CommandReport {
  struct KeyReport: Encodable {
    let path, value, sentence: String
    let preset, scope: String?
    let required: Bool
    let choices: [String]
  }
  let keys: [KeyReport]

  fileprivate init(_ entries: [RecipeReference.KeyReference]) {
    keys = entries.map {
      KeyReport(
        path: $0.path, value: $0.value, sentence: $0.sentence, preset: $0.preset, scope: $0.scope,
        required: $0.isRequired, choices: $0.choices)
    }
  }
}
