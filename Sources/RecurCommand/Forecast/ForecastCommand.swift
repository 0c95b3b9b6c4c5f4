import ArgumentParser
import Files
import Recur

struct ForecastCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "forecast",
    abstract: "Says what comes after the last row of each series, as CSV in the units of the data file.",
    discussion: """
      Steps up to the recipe's last horizon come from the last windows alone. More steps take further rounds, each reading \
      what the ones before forecast: every column that the network reads must then be a target, or known, calendar or static, \
      or stand in --known. Only the checkpoint and the history are needed, not the data it was trained on.
      """)

  @Argument(help: "A checkpoint, or a run directory for its best one.") var checkpoint: String
  @OptionGroup var choice: CheckpointChoice
  @OptionGroup var settings: SettingOptions
  @Option(help: "The rows to go on from, or - for standard input (default: the recipe's own file).")
  var input: String?
  @Option(help: "A CSV file with rows after the last ones, as far as they are known in advance.") var known:
    String?
  @Option(
    help:
      "Rows to forecast of each series, as many as memory holds (default: up to the recipe's last horizon)."
  )
  var steps: Int?
  @Option(
    name: [.customLong("output"), .customShort("o")], help: "The CSV file to write, or - for standard output."
  )
  var file = "-"
  @Option(help: "A picture of the last rows and what comes, .svg or .png, of up to six series.") var plot:
    String?
  @OptionGroup var output: OutputOptions

  var outputPath: String? { file }

  func validate() throws {
    if let steps, !(1...ForecastTable.mostSteps).contains(steps) {
      throw ValidationError("--steps must be 1 to \(ForecastTable.mostSteps), not \(steps)")
    }
    if let plot, GnuplotScript.Terminal(of: plot) == nil {
      throw ValidationError("--plot must end in .svg or .png, not \(quoted(plot))")
    }
    if known == "-", input == "-" {
      throw ValidationError("--input and --known can't both be standard input")
    }
  }

  func execute(_ console: Console) throws -> ForecastReport {
    let model = try CheckpointedModel(noting: checkpoint, choice.choice, overrides: settings.settings)
    let forecaster = try Forecaster(model)
    let inputs = model.files(checkpoint, input: input) + (known.map { [$0] } ?? [])
    let table = try OutputFile(file, option: "--output", of: .table, notOver: inputs)
    let picture = try plot.map {
      let picture = try OutputFile($0, option: "--plot", notOver: inputs, besides: ("--output", file))
      return (gnuplot: try Gnuplot(), file: picture)
    }
    let forecast = try forecaster.forecast(model.recipe.data.going(on: input, known: known), steps: steps)
    ForecastTable.note(forecast)
    let written = ForecastTable(forecast)
    try table.write(written.header)
    for row in forecast.rows { try table.write(written.line(row)) }
    try table.close()
    if let picture {
      var figure = Figure(title: "\(model.recipe.name): what comes", panels: [])
      figure.panels = forecast.series.indices.prefix(Panel.mostFutures).map {
        .future(forecast, series: $0, model.recipe.loss)
      }
      let drawing = try picture.gnuplot.draw(
        GnuplotScript(figure: figure, terminal: GnuplotScript.Terminal(of: plot ?? "") ?? .svg))
      try drawing.withUnsafeBytes { try picture.file.write($0) }
      try picture.file.close()
    }
    let series = forecast.series.count
    try console.say(
      "\(Formatting.grouped(forecast.rows.count)) forecasts"
        + (series > 1 ? " of \(Formatting.grouped(series)) series" : "")
        + " of \(model.named)")
    try console.say("written to \(file)")
    if let plot { try console.say("drawn to \(plot)") }
    return ForecastReport(
      recipe: model.recipe.name, checkpoint: model.path, chosenBy: ChosenBy(model), output: file,
      rows: forecast.rows.count, series: series, steps: steps ?? forecaster.plan.length,
      short: forecast.short.map(\.name))
  }
}

struct ForecastReport: CommandReport {
  var command = "forecast"
  let recipe: String
  let checkpoint: String
  let chosenBy: ChosenBy?
  let output: String
  let rows: Int
  let series: Int
  /// Of each series.
  let steps: Int
  /// Series that have no forecast, because their history is too short.
  let short: [String]
}

extension DataSpecification {
  /// The file to go on from, and what is known of the rows after it.
  /// - input: nil for the recipe's own.
  func going(on input: String?, known: String?) -> DataSpecification {
    var data = self
    // text: standard input.
    if let input { data = data.reading(input == "-" ? input : Paths.absolute(input), named: "--input") }
    data.knownPath = known.map { $0 == "-" ? $0 : Paths.absolute($0) }
    return data
  }
}

/// Forecasts as lines of CSV.
struct ForecastTable {
  /// A number for the command line; what stops before is the memory that so many rows need.
  static let mostSteps = 1_000_000_000

  let forecast: Forecast

  init(_ forecast: Forecast) { self.forecast = forecast }

  /// The same columns for every table: without names the series is empty, and the time is the row's number where there are no times.
  var header: String {
    let suffixes = forecast.targetNames.count == 1 ? [""] : forecast.targetNames.map { "_\($0)" }
    let said = ["predicted"] + forecast.levels.map(Loss.name(ofLevel:))
    return CSVLine.text(
      ["series", "time", "step"] + suffixes.flatMap { suffix in said.map { $0 + suffix } })
  }

  func line(_ row: Forecast.Row) -> String {
    let series = forecast.series[row.series]
    let time = forecast.hasTimes ? series.times[row.step - 1] ?? "" : "\(series.lastRecord + row.step)"
    let numbers = row.predicted.indices.flatMap { target in
      [row.predicted[target]] + (row.quantiles.isEmpty ? [] : row.quantiles[target])
    }
    return CSVLine.text([series.name, time, "\(row.step)"] + numbers.map(CSVPredictions.number))
  }

  /// Says that the times of forecasts go on by a step that the rows before do not keep.
  private static func note(broken series: [ForecastSource.Series]) {
    guard let first = series.first else { return }
    let (broken, all) = (
      series.reduce(0) { $0 + $1.broken.broken }, series.reduce(0) { $0 + $1.broken.all }
    )
    let others = series.count == 1 ? "" : " and \(series.count - 1) more"
    let of = first.name.isEmpty ? "" : " of series \(quoted(first.name))\(others)"
    Console.note(
      "recur: the times of the forecast go on by the usual step, from which \(Formatting.grouped(broken)) of \(Formatting.grouped(all)) steps from row to row\(of) "
        + "differ; where other times are meant, give them by --known FILE")
  }

  /// Says what training did not see, and which series have no forecast.
  static func note(_ forecast: Forecast) {
    Console.note(forecast.unseenCategories)
    Console.note(unseenSeries: forecast.unseen)
    for (name, target) in forecast.unobserved {
      let of = name.isEmpty ? "" : " of series \(quoted(name))"
      Console.note(
        "recur: column \(quoted(target))\(of) has no value to go on from, and its forecast is a change from the last one: it is left empty"
      )
    }
    for (name, missing) in forecast.short {
      let rows = "\(missing) row\(missing == 1 ? "" : "s")"
      Console.note("recur: series \(quoted(name)) has no forecast: its history is \(rows) too short")
    }
    note(broken: forecast.series.filter { $0.broken.broken > 0 })
  }
}
