import ArgumentParser
import Files
import Recur

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

struct Plot: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Draws a run: its loss by epoch, and predicted against actual values or its accuracy and confusions.")

  @Argument(help: "A run directory.") var run: String
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
  }

  func execute(_ console: Console) throws -> PlotReport {
    let history = try RunHistory(run: run)
    let gnuplot = try Gnuplot()
    let model = try CheckpointedModel(noting: run, choice.choice)
    let target = try OutputFile(file, option: "--output", notOver: model.files(run))
    var figure = Figure(
      title: "\(model.recipe.name): \(model.recipe.model.summary)",
      panels: [.loss(history, name: "loss (\(model.recipe.loss.name))")])
    if !history.curves(train: \.trainAccuracy, validation: \.validationAccuracy).isEmpty {
      figure.panels.append(.accuracy(history))
    }
    if let panel = try Panel.confusion(model) {
      figure.panels.append(panel)
    } else if let panel = try Panel.predictions(model) {
      figure.panels.append(panel)
    }
    let picture = try gnuplot.draw(GnuplotScript(figure: figure, terminal: terminal ?? .svg))
    try picture.withUnsafeBytes { try target.write($0) }
    try target.close()
    try console.say("\(history.epochs.count) epochs of \(run), what was learned by \(model.named)")
    try console.say("drawn to \(file)")
    return PlotReport(
      run: run, checkpoint: model.path, chosenBy: ChosenBy(model), output: file, epochs: history.epochs.count,
      panels: figure.panels.count)
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
  let run: String
  let checkpoint: String
  let chosenBy: ChosenBy?
  let output: String
  let epochs: Int
  let panels: Int
}
