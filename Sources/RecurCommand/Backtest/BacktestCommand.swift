import ArgumentParser
import Files
import Recur

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

struct BacktestCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "backtest",
    abstract: "Measures forecasts from several origins of the past against what came, beside the naive ones.",
    discussion: """
      The last fold ends with the last row of each series, the one before starts --step rows earlier, and so on. A run's \
      parameters are used as they are, within its test part; of a recipe each fold is trained anew on what lies before its \
      origin. Scores are MAE, RMSE, sMAPE (0 to 200 %) and MASE (over the mean change from season to season before the origin).
      """)

  @Argument(help: "A run directory or checkpoint, or a recipe to train for each fold.") var file: String
  @Flag(help: "Of a run, its newest checkpoint, even where a validation metric chose a better one.")
  var last =
    false
  @OptionGroup var settings: SettingOptions
  @Option(help: "Origins to forecast from.") var folds = 5
  @Option(help: "Rows from one origin to the next (default: as many as are forecast).") var step: Int?
  @Option(help: "Rows to forecast from each origin (default: up to the recipe's last horizon).") var steps:
    Int?
  @Option(help: "Rows of a season, for the seasonal naive forecast and MASE.") var season: Int?
  @Option(help: "A CSV file with what is known in advance of rows that the data lack.") var known: String?
  @Option(help: "Of a recipe, where the runs are kept (default: runs/NAME-backtest-TIME).") var out: String?
  @Flag(help: "Train every fold anew, also where --out holds it.") var overwrite = false
  @Option(
    name: [.customLong("output"), .customShort("o")],
    help: "A CSV file for every forecast of every fold, or - for standard output.")
  var table: String?
  @OptionGroup var parallel: ThreadOptions
  @OptionGroup var output: OutputOptions

  var outputPath: String? { table }

  func validate() throws {
    let most = ForecastTable.mostSteps
    for (name, value) in [("folds", folds), ("step", step), ("steps", steps), ("season", season)] {
      if let value, !(1...most).contains(value) {
        throw ValidationError("--\(name) must be 1 to \(most), not \(value)")
      }
    }
  }

  func execute(_ console: Console) throws -> BacktestReport {
    let source: any BacktestSource =
      if let text = try RecipeText(ifRecipe: file) {
        try FoldTraining(
          Recipe(text, overrides: settings.settings), out: out, overwrites: overwrite,
          threads: parallel.threads, recipeFile: file)
      } else {
        try TrainedRun(
          CheckpointedModel(noting: file, last ? .newest : .best, overrides: settings.settings), file)
      }
    if overwrite, source is TrainedRun {
      throw Failure.usage("--overwrite is for a recipe, whose folds are trained; \(file) is used as it is")
    }
    if let out, source is TrainedRun {
      throw Failure.usage(
        "--out \(out) is for a recipe, whose folds are trained there; \(file) is used as it is")
    }
    let plan = try ForecastPlan(horizons: source.recipe.data.allHorizons)
    let steps = steps ?? plan.length
    let backtest = Backtest(folds: folds, step: step ?? steps, steps: steps, season: season ?? 1)
    let written = try table.map { try OutputFile($0, option: "--output", of: .table, notOver: source.inputs) }
    var rows: [Backtest.ScoredRow] = []
    var lines = BacktestTable(hasSeason: season != nil)
    var ended: Set<Name> = []
    for fold in 0..<folds {
      var data = source.recipe.data.going(on: nil, known: known)
      data.withheldRows = backtest.withheld(fold)
      let forecast = try source.forecaster(fold, data).forecast(data, steps: steps)
      ended = try source.check(forecast, fold: fold)
      if fold == 0 { ForecastTable.note(forecast) }
      lines.take(forecast)
      rows += backtest.rows(fold, of: forecast).filter { [ended] in !ended.contains(Name($0.series)) }
    }
    if let first = ended.min() {
      let others = ended.count == 1 ? "" : " and \(ended.count - 1) more"
      Console.note("recur: series \(quoted(first.text))\(others) left out: it ends before the test part")
    }
    if let written {
      try written.write(lines.header)
      for row in rows { try written.write(lines.line(row)) }
      try written.close()
    }
    var report = BacktestReport(
      recipe: source.recipe.name, backtest, targets: lines.targets, rows, output: table)
    report.leftOut = ended.sorted().map(\.text)
    for line in report.lines { try console.say(line) }
    if let table { try console.say("written to \(table)") }
    return report
  }
}
