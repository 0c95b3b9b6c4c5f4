import ArgumentParser
import Kernels
import Recur

/// The parts of the data a command can be asked about.
enum DataPart: String, ExpressibleByArgument, CaseIterable, Encodable { case train, validation, test }

struct Evaluate: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Measures a checkpoint on its data: the numbers that train printed at its end, and what they are made of.",
    discussion: """
      Classes: precision, recall and F1 of each, the confusion matrix, top-k accuracy. Numbers: MAE, RMSE, MAPE and R² \
      of each target, in the units of the data file.
      """)

  @Argument(help: "A checkpoint, or a run directory for its best one.") var checkpoint: String
  @OptionGroup var choice: CheckpointChoice
  @OptionGroup var settings: SettingOptions
  @Option(help: "The part of the data: train, validation or test (default: validation and test).") var split:
    DataPart?
  @Option(name: .customLong("top-k"), help: "Measure top-k accuracy for this k; may be given several times.")
  var topK: [Int] = [5]
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let k = topK.first(where: { $0 < 1 }) { throw ValidationError("--top-k must be at least 1, not \(k)") }
  }

  func execute(_ console: Console) throws -> EvaluateReport {
    let checkpoint = try CheckpointedModel(noting: checkpoint, choice.choice, overrides: settings.settings)
    let data = try checkpoint.loadData()
    Console.note(data.unseenCategories)
    Console.note(unseenSeries: data.unseenSeries)
    let evaluator = Evaluator(
      model: try checkpoint.model(for: data.shape), loss: checkpoint.recipe.loss, scaler: data.scaler,
      beam: checkpoint.recipe.model.decoder?.beam ?? 1)
    var report = EvaluateReport(checkpoint)
    evaluator.topK = topK
    for part in try data.parts(split) {
      let (metrics, details) = try evaluator.examine(
        part.samples, classNames: data.classNames, targetNames: data.targetNames)
      report.set(part.split, metrics, details)
    }
    for line in report.lines(loss: checkpoint.recipe.loss.name) { try console.say(line) }
    return report
  }
}

struct EvaluateReport: CommandReport {
  var command = "evaluate"
  let recipe: String
  let checkpoint: String
  /// SHA-256 of the whole file.
  let checksum: String
  /// Always true: a file whose checksums do not match is an error.
  var verified = true
  let epoch: Int
  let step: Int
  let chosenBy: ChosenBy?
  var train: EvaluationMetrics?
  var validation: EvaluationMetrics?
  var test: EvaluationMetrics?
  /// By the part's name.
  // text: the names of the parts.
  var details: [String: EvaluationDetails] = [:]

  init(_ model: CheckpointedModel) {
    recipe = model.recipe.name
    checkpoint = model.path
    checksum = model.file.checksum
    epoch = model.epoch
    step = model.step
    chosenBy = ChosenBy(model)
  }

  mutating func set(_ split: DataPart, _ metrics: EvaluationMetrics, _ parts: EvaluationDetails) {
    details[split.rawValue] = parts
    switch split {
    case .train: train = metrics
    case .validation: validation = metrics
    case .test: test = metrics
    }
  }

  func lines(loss: String) -> [String] {
    var table = MetricsTable(loss: loss)
    for (split, metrics) in [(DataPart.train, train), (.validation, validation), (.test, test)] {
      if let metrics { table.add(split.rawValue, metrics) }
    }
    var lines = ["\(recipe), epoch \(epoch), step \(step): \(checkpoint)"]
    if let chosenBy { lines.append(chosenBy.words) }
    lines += ["checksums verified, sha256 \(checksum)", ""] + table.lines
    for split in DataPart.allCases {
      guard let tables = details[split.rawValue].map({ DetailTables(details: $0).lines }), !tables.isEmpty
      else { continue }
      lines += (details.count > 1 ? ["", "\(split.rawValue):"] : []) + tables
    }
    return lines
  }
}

extension LoadedData {
  /// The part asked for; without a wish those that were kept from training, or all there is.
  func parts(_ wish: DataPart?) throws -> [(split: DataPart, samples: any SampleSet)] {
    let all: [(split: DataPart, samples: (any SampleSet)?)] = [
      (.train, train), (.validation, validation), (.test, test),
    ]
    let present = all.compactMap { part in part.samples.map { (split: part.split, samples: $0) } }
      .filter { $0.samples.count > 0 }
    guard let wish else {
      let kept = present.filter { $0.split != .train }
      return kept.isEmpty ? present : kept
    }
    let found = present.filter { $0.split == wish }
    guard !found.isEmpty else {
      let names = present.map(\.split.rawValue).joined(separator: ", ")
      throw Failure.usage("--split \(wish.rawValue): this data has no such part; it has \(names)")
    }
    return found
  }
}
