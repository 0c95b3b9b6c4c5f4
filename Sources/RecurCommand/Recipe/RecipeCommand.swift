import ArgumentParser
import Diagnostics
import Recur

/// What a recipe may hold, and whether one is right: all of it said by the keys' declarations.
struct RecipeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recipe", abstract: "Shows what a recipe may hold, and checks one.",
    subcommands: [RecipeKeys.self, RecipeSchema.self, RecipeCheck.self])
}

struct RecipeSchema: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Prints a JSON Schema (draft 2020-12) of recipes, for editors.",
    discussion: """
      An editor with a YAML language server completes and checks a recipe that begins with
      # yaml-language-server: $schema=recur.schema.json
      """)

  @Flag(help: "Print it on one line.") var json = false

  func run() throws {
    try Console.write(json ? RecipeReference.jsonSchemaLine : RecipeReference.jsonSchema, to: 1)
  }
}
