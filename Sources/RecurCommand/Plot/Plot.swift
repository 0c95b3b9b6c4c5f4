import ArgumentParser
import Files
import FoundationEssentials
import Recur

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

struct Plot: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Draws a run: its loss by epoch, and predicted against actual values or its accuracy and confusions. Of several runs: their curves over one another."
  )

  @Argument(help: "A run directory, or several.") var runs: [String]
  @OptionGroup var choice: CheckpointChoice
  @Option(
    name: [.customLong("output"), .customShort("o")],
    help: "The picture to write, .svg or .png, or - for SVG on standard output; a device or FIFO gets SVG.")
  var file: String
  @OptionGroup var output: OutputOptions

  var outputPath: String? { file }

  func validate() throws {
    guard terminal != nil else {
      throw ValidationError("--output must end in .svg or .png, or be -, not \(quoted(file))")
    }
    guard (1...Self.mostRuns).contains(runs.count) else {
      throw ValidationError("name 1 to \(Self.mostRuns) run directories, not \(runs.count)")
    }
    guard runs.count == 1 || !choice.last && choice.step == nil else {
      throw ValidationError(
        "--last and --step choose a checkpoint, and of several runs only curves are drawn")
    }
  }

  /// More curves can't be told apart.
  private static let mostRuns = 24

  func execute(_ console: Console) throws -> PlotReport {
    try runs.count == 1 ? draw(runs[0], console) : overlay(console)
  }

  /// The curves of several runs, each quantity in a panel.
  private func overlay(_ console: Console) throws -> PlotReport {
    let summaries = try runs.map { try RunSummary(run: $0) }
    let logs = try runs.map { try RunLog(run: $0) }
    for (run, log) in zip(runs, logs) where log.epochs.isEmpty {
      Console.note("recur: \(run): no epoch has ended yet, it has no curve")
    }
    let names = RunCurves.names(runs)
    let curves = RunCurves(
      runs.indices.map { .init(name: names[$0], log: logs[$0], loss: summaries[$0].recipe?.loss.name) })
    let panels = curves.panels
    guard !panels.isEmpty else {
      throw Failure.badData(
        "\(runs.joined(separator: ", ")): no epoch has ended yet, there is nothing to draw")
    }
    let gnuplot = try Gnuplot()
    let target = try OutputFile(file, option: "--output", notOver: runs.flatMap(RunFiles.all))
    let figure = Figure(title: "\(runs.count) runs", panels: panels)
    try write(gnuplot.draw(GnuplotScript(figure: figure, terminal: terminal ?? .svg)), to: target)
    try console.say("the curves of \(runs.count) runs")
    try console.say("drawn to \(file)")
    return PlotReport(
      runs: runs, output: file, epochs: logs.map(\.epochs.count).max() ?? 0, panels: panels.count)
  }

  private func write(_ picture: Data, to target: OutputFile) throws {
    try picture.withUnsafeBytes { try target.write($0) }
    try target.close()
  }

  /// One run, and what it predicts.
  private func draw(_ run: String, _ console: Console) throws -> PlotReport {
    if FileIdentity(run) != nil, !Paths.isFolder(run) {
      throw Failure.usage(
        "\(run) is a file, and recur plot draws the log of a run: name the directory that recur train wrote")
    }
    let log = try RunLog(run: run)
    guard !log.epochs.isEmpty else {
      throw Failure.badData("\(run): no epoch has ended yet, there is nothing to draw")
    }
    let gnuplot = try Gnuplot()
    let model = try CheckpointedModel(noting: run, choice.choice)
    let target = try OutputFile(file, option: "--output", notOver: model.files(run))
    let curves = RunCurves([.init(name: model.recipe.name, log: log, loss: model.recipe.loss.name)])
    var figure = Figure(
      title: "\(model.recipe.name): \(model.recipe.model.summary)",
      panels: curves.together([.loss, .accuracy]))
    if let panel = try Panel.confusion(model) {
      figure.panels.append(panel)
    } else if let panel = try Panel.predictions(model) {
      figure.panels.append(panel)
    }
    try write(gnuplot.draw(GnuplotScript(figure: figure, terminal: terminal ?? .svg)), to: target)
    try console.say("\(log.epochs.count) epochs of \(run), what was learned by \(model.named)")
    try console.say("drawn to \(file)")
    return PlotReport(
      runs: runs, run: run, checkpoint: model.path, chosenBy: ChosenBy(model), output: file,
      epochs: log.epochs.count, panels: figure.panels.count)
  }

  private var terminal: GnuplotScript.Terminal? { GnuplotScript.Terminal(of: file) }
}

extension GnuplotScript.Terminal {
  /// What a picture is drawn as, by its name; nil for another ending.
  init?(of file: String) {
    // text: an ending in letters of either case.
    let named = Self.allCases.first { file.lowercased().hasSuffix(".\($0.rawValue)") }
    guard let terminal = file == "-" || OutputFile.isStream(file) ? .svg : named else { return nil }
    self = terminal
  }
}

struct PlotReport: CommandReport {
  var command = "plot"
  let runs: [String]
  /// Of one run.
  var run: String?
  var checkpoint: String?
  var chosenBy: ChosenBy?
  let output: String
  /// Of several runs the most.
  let epochs: Int
  let panels: Int
}
