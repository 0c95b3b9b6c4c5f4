import ArgumentParser
import Files
import Recur

struct Predict: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a checkpoint's predictions as CSV, in the units of the data file.",
    discussion: """
      Numbers: one column "actual" and one "predicted" for each target. Classes: the actual class, the predicted one, \
      and a probability for each class. Pairs: the source, its target and what was found; lines of --input may be a source alone.
      """)

  @Argument(help: "A checkpoint, or a run directory for its best one.") var checkpoint: String
  @OptionGroup var choice: CheckpointChoice
  @OptionGroup var settings: SettingOptions
  @Option(help: "The part of the data: train, validation or test (default: validation and test).") var split:
    Split?
  @Option(
    help:
      "Another file of the recipe's format, or - for standard input: all its samples, scaled as in training."
  )
  var input: String?
  @Option(
    name: [.customLong("output"), .customShort("o")], help: "The CSV file to write, or - for standard output."
  )
  var file: String
  @OptionGroup var output: OutputOptions

  var outputPath: String? { file }

  func validate() throws {
    guard split == nil || input == nil else { throw ValidationError("give --split or --input, not both") }
  }

  func execute(_ console: Console) throws -> PredictReport {
    let model = try CheckpointedModel(noting: checkpoint, choice.choice, overrides: settings.settings)
    if model.recipe.data.format == .text {
      throw Failure.usage("\(checkpoint) predicts the next token of a text; use recur generate")
    }
    let table = try OutputFile(file, option: "--output", notOver: model.files(checkpoint, input: input))
    let data = try input.map(model.loadData(from:)) ?? model.loadData()
    if data.shape.sourceSteps != nil { return try translate(model, data, table, console) }
    let predictions = try Predictions(model, data)
    try table.write(predictions.header)
    var rows = 0
    for part in try parts(of: data) {
      try predictions.forEach(part) { sample in
        try table.write(predictions.row(sample))
        rows += 1
      }
    }
    try table.close()
    try console.say("\(Formatting.grouped(rows)) predictions of \(model.named)")
    try console.say("written to \(file)")
    return PredictReport(
      recipe: model.recipe.name, checkpoint: model.path, chosenBy: ChosenBy(model), output: file, rows: rows)
  }
}

extension Predict {
  /// The parts to predict with their names; new data are one part of their own.
  func parts(of data: LoadedData) throws -> [PredictedPart] {
    if input != nil { return data.train.map { [PredictedPart(name: "input", offset: 0, samples: $0)] } ?? [] }
    return try data.predictedParts(split)
  }
}

/// Samples to predict.
struct PredictedPart {
  /// What the column "split" calls it.
  let name: String
  /// Where its rows start in `LoadedData.rows`.
  let offset: Int
  let samples: any SampleSet
}

extension LoadedData {
  func predictedParts(_ wish: Split?) throws -> [PredictedPart] {
    try parts(wish).map {
      PredictedPart(name: $0.split.rawValue, offset: rowOffset(of: $0.split), samples: $0.samples)
    }
  }

  /// Where the rows of a part start in `rows`.
  fileprivate func rowOffset(of split: Split) -> Int {
    switch split {
    case .train: 0
    case .validation: train?.count ?? 0
    case .test: (train?.count ?? 0) + (validation?.count ?? 0)
    }
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

extension CheckpointedModel {
  /// Another file in place of the recipe's: all its samples, scaled and numbered as in training.
  fileprivate func loadData(from path: String) throws -> LoadedData {
    var specification = recipe.data
    (specification.path, specification.pathName) = (path == "-" ? path : Paths.absolute(path), "--input")
    specification.split = .init()
    specification.areTargetsOptional = true
    // No loss is computed of them.
    specification.targetRange = nil
    (specification.validationPath, specification.testPath) = (nil, nil)
    (specification.validationLabelsPath, specification.testLabelsPath) = (nil, nil)
    return try loadData(specification)
  }
}
