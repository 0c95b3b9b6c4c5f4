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
    commandName: "schema", abstract: "Prints a JSON Schema (draft 2020-12) of recipes, for editors.")

  func run() throws { try Console.write(RecipeReference.jsonSchema, to: 1) }
}

struct RecipeCheck: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Reads a recipe as train does, and says what is wrong with it, or that it is right.",
    discussion: "Needs no data, unless --data asks for it.")

  @Argument(help: "The recipe, a YAML file.") var file: String
  @OptionGroup var settings: SettingOptions
  @Flag(help: "Load the data too, and see that the network fits them.") var data = false
  @OptionGroup var output: OutputOptions

  func execute(_ console: Console) throws -> RecipeCheckReport {
    let recipe = try Recipe(RecipeText(file, allowsStream: true), overrides: settings.settings)
    try recipe.data.validate()
    if let shape = try data ? recipe.loadData().shape : recipe.shapeOfColumns {
      _ = try recipe.architecture(for: shape)
    }
    let report = RecipeCheckReport(recipe)
    try console.say("\(file) is right: \(report.summary)")
    return report
  }
}

struct RecipeCheckReport: CommandReport {
  let name: String
  let network: String
  let summary: String

  fileprivate init(_ recipe: Recipe) {
    (name, network) = (recipe.name, recipe.model.summary)
    let (train, format) = (recipe.train, recipe.data.format.rawValue)
    summary =
      "\(name), \(format); \(network); \(recipe.loss.name), \(recipe.optimizer.name); "
      + "epochs \(train.epochs), batch size \(train.batchSize)"
  }
}
