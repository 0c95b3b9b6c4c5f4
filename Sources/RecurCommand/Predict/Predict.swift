import ArgumentParser
import Files
import Recur

struct Predict: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Writes a checkpoint's predictions, in the units of the data file, as CSV, JSON lines or an array.",
    discussion: """
      Numbers: "actual" and "predicted" of each target; where the loss says how sure it is, also the quantiles at its levels, \
      "p10", "p50", "p90". Classes: the actual class, the predicted one, and the probability of \
      each class where there are at most 20 (--proba: always). Pairs: the source, its target and what was found. What --input \
      does not say about its answers is empty.
      A file named .npy gets an array of float32: what is predicted, [rows, targets]; with quantiles, which stand after it, \
      [rows, targets, 1 + levels]; of classes the probabilities, [rows, classes].
      With --jsonl, --input - reads JSON lines, and each is answered as soon as it is complete: {"inputs": [[…], …]} with the \
      features of each step, or {"COLUMN": […], …}; {"inputs": "text"}; {"tokens": […]}; {"source": "…"}. One value in place \
      of a list is that of all steps. Columns of data.known, and the time with them, have the rows after the window as \
      well, up to the last horizon. An "id" is given back. So does a file named .jsonl or .ndjson.
      """)

  @Argument(help: "A checkpoint, or a run directory for its best one.") var checkpoint: String
  @OptionGroup var choice: CheckpointChoice
  @OptionGroup var settings: SettingOptions
  @Option(help: "The part of the data: train, validation or test (default: validation and test).") var split:
    DataPart?
  @Option(
    help:
      "Another file of the recipe's format, or - for standard input: all its samples, scaled as in training. Answers may be missing."
  )
  var input: String?
  @Option(help: "npy: the file with the answers to --input, where there are some.") var labels: String?
  @Option(
    name: [.customLong("output"), .customShort("o")], help: "The file to write, or - for standard output.")
  var file = "-"
  @Flag(help: "Write a JSON object on each line.") var jsonl = false
  @Flag(help: "Write the probability of each class, however many there are.") var proba = false
  @OptionGroup var output: OutputOptions

  var outputPath: String? { file }

  func validate() throws {
    guard split == nil || input == nil else { throw ValidationError("give --split or --input, not both") }
    guard labels == nil || input != nil else { throw ValidationError("--labels belongs to --input") }
  }

  func execute(_ console: Console) throws -> PredictReport {
    let format = try PredictionFormat(file, wantsLines: jsonl)
    let model = try CheckpointedModel(noting: checkpoint, choice.choice, overrides: settings.settings)
    if model.recipe.data.format == .text {
      throw Failure.usage("\(checkpoint) predicts the next token of a text; use recur generate")
    }
    let table = try OutputFile(
      file, option: "--output", of: format.contents,
      notOver: model.files(checkpoint, input: input) + (labels.map { [$0] } ?? []))
    let rows =
      try requests(format).map { try answer($0, model, table) } ?? writeAll(model, format, to: table)
    try table.close()
    try console.say("\(Formatting.grouped(rows)) predictions of \(model.named)")
    try console.say("written to \(file)")
    return PredictReport(
      recipe: model.recipe.name, checkpoint: model.path, chosenBy: ChosenBy(model), output: file, rows: rows)
  }

  /// The predictions for whole files.
  private func writeAll(
    _ model: CheckpointedModel, _ format: PredictionFormat, to file: OutputFile
  ) throws -> Int {
    let data = try input.map { try model.loadData(from: $0, labels: labels) } ?? model.loadData()
    Console.note(data.unseenCategories)
    Console.note(unseenSeries: data.unseenSeries)
    // Of its own file training has said it.
    if input != nil { Console.note(shortSeries: data.shortSeries) }
    let source = try model.rows(of: data, wantsProbabilities: proba)
    var writer = try format.writer(source.columns, to: file)
    var rows = 0
    var unknown = UnknownPredictions(model.recipe.data.completed)
    try source.forEachRow(input == nil ? data.predictedParts(split) : data.inputParts) { row in
      try writer.write(row)
      unknown.take(row)
      rows += 1
    }
    try writer.finish()
    unknown.note()
    return rows
  }
}

extension CheckpointedModel {
  /// - model: of this checkpoint, where it has been made.
  func rows(
    of data: LoadedData, model: Model? = nil, wantsProbabilities: Bool
  ) throws -> any RowSource {
    data.shape.sourceSteps != nil
      ? try Translations(self, data, model: model)
      : try Predictions(self, data, model: model, wantsProbabilities: wantsProbabilities)
  }
}

struct PredictReport: CommandReport {
  var command = "predict"
  let recipe: String
  let checkpoint: String
  let chosenBy: ChosenBy?
  let output: String
  let rows: Int
}
