import Diagnostics
import Kernels
import Recur

/// Tells a person how a run goes: its settings once, a line of progress, a summary.
final class TrainDisplay: TrainingObserver {
  private let recipe: Recipe
  private let console: Console
  private var line = ProgressLine()
  private let clock = ContinuousClock()
  private lazy var started = clock.now
  private var firstEpoch = 0
  private var stepsPerEpoch = 0
  private var targetUnit: Double?
  private var isResumed = false

  init(recipe: Recipe, console: Console) {
    self.recipe = recipe
    self.console = console
  }

  func started(_ start: TrainingStart) {
    started = clock.now
    firstEpoch = start.firstEpoch
    stepsPerEpoch = start.stepsPerEpoch
    targetUnit = start.targetUnit
    isResumed = start.resumedFrom != nil
    for line in TextTable(rows: settings(start)).lines { try? console.say(line) }
    try? console.say()
  }

  func progress(_ progress: TrainingProgress) {
    line.show(
      .init(
        epoch: progress.epoch + 1, epochs: progress.epochs, step: progress.step, steps: progress.steps,
        loss: progress.loss, samplesPerSecond: progress.samplesPerSecond,
        secondsLeft: progress.timeLeft, atEpochEnd: false))
  }

  func epochEnded(_ epoch: EpochSummary) {
    let elapsed = (clock.now - started) / .seconds(1)
    let done = Double(max(1, epoch.epoch + 1 - firstEpoch))
    line.show(
      .init(
        epoch: epoch.epoch + 1, epochs: epoch.epochs, step: stepsPerEpoch, steps: stepsPerEpoch,
        loss: epoch.trainLoss, accuracy: epoch.trainAccuracy, error: error(epoch.trainLoss),
        validation: epoch.validation, slowest: epoch.slowest,
        samplesPerSecond: epoch.samplesPerSecond,
        secondsLeft: elapsed / done * Double(epoch.epochs - epoch.epoch - 1), atEpochEnd: true))
  }

  /// The loss as an error in the units of the file, where it is one.
  private func error(_ loss: Double) -> ProgressLine.Progress.Error? {
    guard let targetUnit else { return nil }
    switch recipe.loss {
    case .mse: return .init(name: "rmse", value: loss.squareRoot() * targetUnit)
    case .mae: return .init(name: "mae", value: loss * targetUnit)
    default: return nil
    }
  }

  func checkpointSaved(path: String) {}

  private lazy var pictures = TrainPictures { [weak self] in self?.note($0) }

  func picture(_ recipe: Recipe, _ data: LoadedData, _ model: Model) -> TrainingPicture? {
    pictures.picture(recipe, data, model)
  }

  func note(_ text: String) {
    line.finish()
    Console.note("recur: \(text)")
  }
}

extension TrainDisplay {
  /// What is about to happen, in a few rows.
  private func settings(_ start: TrainingStart) -> [[String]] {
    let optimizer = recipe.optimizer
    var samples = "\(Formatting.grouped(start.trainSamples)) training"
    if start.validationSamples > 0 {
      samples += ", \(Formatting.grouped(start.validationSamples)) validation"
    }
    if start.testSamples > 0 { samples += ", \(Formatting.grouped(start.testSamples)) test" }
    if start.unusedSamples > 0 {
      let unit = recipe.data.format == .text ? " tokens" : ""
      samples += ", \(Formatting.grouped(start.unusedSamples))\(unit) unused"
    }
    var rows = [
      ["recipe", recipe.name],
      ["data", recipe.data.paths.isEmpty ? recipe.data.path : recipe.data.paths.joined(separator: ", ")],
      ["samples", samples],
      ["network", "\(recipe.model.summary), \(Formatting.grouped(start.parameters)) parameters"],
      ["loss", recipe.loss.name],
      ["optimizer", "\(optimizer.name), learning rate \(Formatting.short(recipe.scaledLearningRate))"],
      [
        "steps",
        "\(start.epochs) epochs of \(start.stepsPerEpoch), batch \(recipe.train.batchSize), seed \(recipe.seed)",
      ],
      [
        "runs on",
        "\(start.ranks.counted("process", "processes")) of \(start.threads.counted("thread", "threads"))"
          + (start.device == "cpu" ? products : ", \(start.device)")
          + (start.hosts.count > 1 ? " on \(start.hosts.joined(separator: ", "))" : ""),
      ],
    ]
    if let idle = idleRanks(start) { rows.append(["", idle]) }
    rows.append(["run", start.outputDirectory])
    for (index, line) in (start.weights?.lines ?? []).enumerated() {
      rows.append([index == 0 ? "weights" : "", line])
    }
    if let checkpoint = start.resumedFrom {
      rows.append(["resumed", "after epoch \(start.firstEpoch) from \(checkpoint)"])
    }
    return rows
  }

  /// Ranks that have nothing of any batch; nil where there are none.
  private func idleRanks(_ start: TrainingStart) -> String? {
    let workers = start.ranks - (recipe.distributed.coordinator == .dedicated ? 1 : 0)
    let batch = min(recipe.train.batchSize, start.trainSamples)
    guard workers > batch else { return nil }
    return "\(workers - batch) of \(workers) ranks that train have no sample: a batch has \(batch)"
  }

  private var products: String {
    guard recipe.precision == .bf16 else { return "" }
    return KernelSet.hasBF16
      ? ", products in bfloat16"
      : ", products in bfloat16, which this processor has to convert: no faster than fp32"
  }

  /// The outcome, once the run has ended.
  func finish(_ report: TrainingReport) throws {
    line.finish()
    try console.say()
    var table = MetricsTable(loss: recipe.loss.name)
    table.add("training", loss: report.trainLoss, accuracy: report.trainAccuracy)
    if let validation = report.validation { table.add("validation", validation) }
    if let test = report.test { table.add("test", test) }
    for line in table.lines { try console.say(line) }
    try console.say()
    try console.say(
      "\(report.status.word) after \(report.epochs.counted("epoch", "epochs")) (\(report.steps.counted("step", "steps")))"
        + speed(report))
    if report.skippedSteps > 0 {
      try console.say(
        "\(report.skippedSteps.counted("step was", "steps were")) skipped: metrics.jsonl names cause and samples of each"
      )
    }
    try console.say("checkpoint: \(report.checkpoint)")
    if let best = report.bestCheckpoint, report.evaluatedStep != report.steps,
      let epoch = report.evaluatedEpoch
    {
      try console.say("best:       \(best)")
      try console.say(
        "measured above, and taken by other commands: the best, by \(recipe.checkpoint.metric) after epoch \(epoch)"
      )
    }
    if report.status == .interrupted {
      try console.say("go on with: --resume auto --out \(ShellWords.quoted([report.runDirectory]))")
    }
  }
}

extension TrainDisplay {
  /// Of the steps of this process; there may be none.
  private func speed(_ report: TrainingReport) -> String {
    guard report.samplesPerSecond > 0 else { return ", no step now" }
    return
      " in \(Formatting.duration(report.seconds))\(isResumed ? " since it was resumed" : ""): "
      + "\(Formatting.rate(report.samplesPerSecond)) samples/s, "
      + "\(Formatting.short(report.stepMilliseconds.median)) ms a step"
  }
}

extension TrainingReport.Status {
  fileprivate var word: String {
    switch self {
    case .completed: "done"
    case .earlyStopped: "stopped early: no more improvement"
    case .interrupted: "stopped as asked, everything saved"
    }
  }
}

extension Int {
  fileprivate func counted(_ one: String, _ many: String) -> String { "\(self) \(self == 1 ? one : many)" }
}
