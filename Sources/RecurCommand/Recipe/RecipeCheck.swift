import ArgumentParser
import Diagnostics
import Recur

struct RecipeCheck: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Reads a recipe and its data as train does, and says what is wrong, or what was checked.",
    discussion: "Trains nothing, and writes nothing.")

  @Argument(help: "The recipe, a YAML file.") var file: String
  @OptionGroup var settings: SettingOptions
  @Flag(
    inversion: .prefixedNo,
    help: "Whether the data are read too, and the network, its loss and its metrics compared with them.")
  var data = true
  @OptionGroup var output: OutputOptions

  func execute(_ console: Console) throws -> RecipeCheckReport {
    let text = try RecipeText(file, allowsStream: true)
    let recipe = try Recipe(text, overrides: settings.settings)
    try recipe.data.validate()
    let report = try data ? checkData(of: recipe) : checkColumns(of: recipe)
    try console.say("\(text.path) is right")
    for line in TextTable(rows: report.rows).lines { try console.say(line) }
    return report
  }

  private func checkData(of recipe: Recipe) throws -> RecipeCheckReport {
    do {
      let data = try recipe.loadData()
      let network = try recipe.requireTrainable(on: data)
      let weights = try recipe.checkedWeights(for: ParameterLayout(network))
      var report = RecipeCheckReport(
        recipe, network, samples: .init(data),
        checked: [.keys, .data, .network, .memory] + (weights == nil ? [] : [.weights]))
      report.initFrom = weights
      return report
    } catch let failure as Failure where failure.kind == .missingInput {
      throw Failure.missingInput("\(failure.message); --no-data checks the recipe without them")
    }
  }

  /// What a recipe says without its data.
  private func checkColumns(of recipe: Recipe) throws -> RecipeCheckReport {
    guard let network = try recipe.shapeOfColumns.map(recipe.network) else {
      return RecipeCheckReport(recipe, checked: [.keys])
    }
    return RecipeCheckReport(recipe, network, checked: [.keys, .network])
  }
}

struct RecipeCheckReport: CommandReport {
  /// What was looked at, and found right.
  enum Check: String, Encodable { case keys, data, network, memory, weights }
  struct SampleCounts: Encodable {
    let train, validation, test: Int

    fileprivate init(_ data: LoadedData) {
      (train, validation, test) = (data.train?.count ?? 0, data.validation?.count ?? 0, data.test?.count ?? 0)
    }
  }

  var command = "recipe check"
  let recipe: String
  let network: String
  /// nil where only the data say how many.
  let parameters: Int?
  /// nil where the data were not read.
  let samples: SampleCounts?
  let checked: [Check]
  /// What training would take of `train.init_from`; nil where the recipe names none.
  fileprivate(set) var initFrom: WeightsReport?
  private let format, training: String

  private enum CodingKeys: CodingKey { case command, recipe, network, parameters, samples, checked, initFrom }

  fileprivate init(
    _ recipe: Recipe, _ network: Network? = nil, samples: SampleCounts? = nil, checked: [Check]
  ) {
    (self.recipe, self.network) = (recipe.name, recipe.model.summary)
    (self.samples, self.checked) = (samples, checked)
    parameters = network.map { ParameterLayout($0).count }
    format = recipe.data.format.rawValue
    training =
      "\(recipe.loss.name), \(recipe.optimizer.name); epochs: \(recipe.train.epochs), "
      + "batch size: \(recipe.train.batchSize)"
  }

  fileprivate var rows: [[String]] {
    let samples = samples.map {
      "samples: \(Formatting.grouped($0.train)) training, \(Formatting.grouped($0.validation)) validation, "
        + "\(Formatting.grouped($0.test)) test"
    }
    let size = parameters.map { "\(Formatting.grouped($0)) parameters" }
    return [
      ["keys", "all known, their values and what they say together"],
      ["data", "\(format); \(samples ?? "not read")"],
      ["network", "\(network); \(size ?? "not compared with the data")"],
      ["training", training + (checked.contains(.memory) ? "; there is memory for a step" : "")],
    ]
      + (initFrom?.lines ?? []).enumerated().map { [$0.offset == 0 ? "weights" : "", $0.element] }
  }
}
