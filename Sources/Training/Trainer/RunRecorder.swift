import Dataset
import Diagnostics
import Foundation

/// The files of a run and whoever watches it; there is one, on rank 0.
final class RunRecorder {
  private let recipe: Recipe
  private let observer: (any TrainingObserver)?
  private let template: CheckpointState
  private var directory: RunDirectory?
  private let path: String
  private var resumedFrom: String?
  private var nextProgress: UInt64 = 0
  private var lastSave: UInt64 = 0
  private var savedPath = ""
  /// The step of the best state so far, where that is in memory only.
  private var heldStep: Int?

  init(recipe: Recipe, data: LoadedData, options: TrainingOptions, observer: (any TrainingObserver)?) throws {
    self.recipe = recipe
    self.observer = observer
    path = options.outputDirectory ?? "runs/\(recipe.name)-\(Self.timestamp())"
    var state = CheckpointState(
      program: "recur", runID: UUID().uuidString, recipe: recipe.effectiveYAML, seed: recipe.seed,
      optimizer: .init(name: recipe.optimizer.name, t: 0))
    if let scaler = data.scaler { state.scaler = JSONValue(encoding: scaler) }
    if !data.classNames.isEmpty { state.classNames = data.classNames }
    state.dataFingerprint = data.fingerprint
    template = state
  }

  /// Makes or takes over the run directory.
  /// - Returns: the checkpoint to continue from.
  func open(_ options: TrainingOptions, recipe: Recipe) throws -> CheckpointFile? {
    let retention = RunDirectory.Retention(
      keepLast: recipe.checkpoint.keepLast, keepBest: recipe.checkpoint.keepBest)
    var file: CheckpointFile?
    switch options.resume {
    case .auto where RunDirectory.holdsRun(path):
      let directory = try RunDirectory(resuming: path, retention: retention)
      let search = try directory.newestValid()
      for skipped in search.skipped { note("skipped \(skipped.path): \(skipped.reason)") }
      if search.file == nil, !search.skipped.isEmpty {
        throw Failure.badData("\(path): no checkpoint of this run is valid; start anew with --overwrite")
      }
      file = search.file
      try directory.resume(from: file, recipe: recipe.effectiveYAML)
      self.directory = directory
    case .file(let source):
      file = try CheckpointFile(reading: source)
      fallthrough
    case .auto, .never:
      directory = try RunDirectory(
        creating: path, recipe: recipe.effectiveYAML, overwrite: options.overwrite, retention: retention)
    }
    resumedFrom = file?.path
    return file
  }

  private static func timestamp() -> String {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.dateFormat = "yyyyMMdd-HHmmss"
    return format.string(from: Date())
  }

  func note(_ line: String) { observer?.note(line) }
}

extension RunRecorder {
  func started(_ run: Trainer) throws {
    lastSave = monotonicNanoseconds()
    if recipe.checkpoint.metric.part == .validation, run.data.validation == nil,
      recipe.checkpoint.keepBest > 0
    {
      note("there is no validation part: the best checkpoint is the one with the least train.loss")
    }
    observer?.started(
      TrainingStart(
        outputDirectory: directory?.path ?? path, parameters: run.model.layout.count,
        ranks: run.communicator.size, threads: run.model.team.count, epochs: recipe.train.epochs,
        stepsPerEpoch: (run.set.count + recipe.train.batchSize - 1) / recipe.train.batchSize,
        trainSamples: run.set.count, validationSamples: run.data.validation?.count ?? 0,
        testSamples: run.data.test?.count ?? 0, resumedFrom: resumedFrom, firstEpoch: run.state.epoch))
    try drain()
  }

  func stepEnded(_ run: Trainer, _ outcome: TrainingStep.Outcome) throws {
    if recipe.train.logEverySteps > 0, run.state.step % recipe.train.logEverySteps == 0 {
      try logStep(run, outcome)
    }
    if let seconds = recipe.checkpoint.everySeconds, Double(run.meter.now - lastSave) > seconds * 1e9 {
      try save(run)
    }
    guard run.meter.now >= nextProgress else { return }
    nextProgress = run.meter.now + 100_000_000
    if heldStep != nil, !isEarly { try saveHeld() }
    guard let observer else { return try drain() }
    let left = (recipe.train.epochs - run.state.epoch) * run.set.count - run.state.position
    observer.progress(
      TrainingProgress(
        epoch: run.state.epoch, epochs: recipe.train.epochs,
        step: (run.state.position + recipe.train.batchSize - 1) / recipe.train.batchSize,
        steps: (run.set.count + recipe.train.batchSize - 1) / recipe.train.batchSize,
        loss: run.state.sums.meanLoss, samplesPerSecond: run.meter.epochSamplesPerSecond,
        timeLeft: run.meter.timeLeft(left)))
    try drain()
  }

  private func logStep(_ run: Trainer, _ outcome: TrainingStep.Outcome) throws {
    var line = MetricsLine("step")
    line.add("epoch", run.state.epoch)
    line.add("step", run.state.step)
    line.add("loss", outcome.lossSum / outcome.weight)
    line.add("gradient_norm", outcome.gradientNorm)
    try directory?.appendMetrics(line.closed)
  }

  func skipped(_ step: Int, _ samples: Slice<UnsafeMutableBufferPointer<Int32>>, _ reason: StaticString)
    throws
  {
    var line = MetricsLine("skipped")
    line.add("step", step)
    line.add("reason", reason)
    line.add("samples", samples)
    try directory?.appendMetrics(line.closed)
    note("step \(step) skipped: \(reason)")
  }

  /// - Returns: whether the present state was handed to be saved.
  func epochEnded(_ run: Trainer, _ values: EpochValues, learningRate: Double, improved: Bool) throws -> Bool
  {
    var line = MetricsLine("epoch")
    line.add("epoch", run.state.epoch - 1)
    line.add("step", run.state.step)
    line.add("train_loss", values.loss)
    line.add("train_accuracy", values.accuracy)
    line.add("learning_rate", learningRate)
    line.add("validation", values.validation)
    line.add("seconds", run.meter.epochSeconds)
    line.add("samples_per_second", run.meter.epochSamplesPerSecond)
    line.add("skipped_steps", run.state.counters.skipped)
    try directory?.appendMetrics(line.closed)
    observer?.epochEnded(
      EpochSummary(
        epoch: run.state.epoch - 1, epochs: recipe.train.epochs, step: run.state.step, trainLoss: values.loss,
        trainAccuracy: values.accuracy, validation: values.validation, learningRate: learningRate,
        seconds: run.meter.epochSeconds, samplesPerSecond: run.meter.epochSamplesPerSecond,
        skippedSteps: run.state.counters.skipped))
    let isDue = recipe.checkpoint.everyEpochs.map { run.state.epoch % $0 == 0 } ?? false
    let isBest = improved && recipe.checkpoint.keepBest > 0
    if isBest, isEarly, !isDue {
      try hold(run)
      return false
    }
    guard isDue || isBest else { return false }
    if isBest { forgetHeld() }
    try save(run)
    return true
  }

  /// Epochs may take microseconds: then not each that is better is worth a file. The best waits in memory for its turn.
  private var isEarly: Bool { Double(monotonicNanoseconds() - lastSave) < 1e9 }
}

extension RunRecorder {
  func save(_ run: Trainer) throws {
    run.enter(.checkpoint)
    if heldStep == run.state.step { forgetHeld() }
    try saveHeld()
    try directory?.save(checkpointState(run), run.tensors)
    lastSave = monotonicNanoseconds()
    try drain()
  }

  private func checkpointState(_ run: Trainer) -> CheckpointState {
    var state = template
    run.state.store(in: &state)
    state.optimizer.t = run.optimizer.steps
    state.kernelFamily = run.model.kernels.name
    state.elapsedSeconds = run.state.earlierSeconds + run.meter.seconds
    return state
  }

  /// Keeps a copy of the present state, the best so far, for `saveHeld`.
  private func hold(_ run: Trainer) throws {
    try directory?.hold(checkpointState(run), run.tensors)
    heldStep = run.state.step
  }

  private func forgetHeld() {
    directory?.forgetHeld()
    heldStep = nil
  }

  private func saveHeld() throws {
    guard heldStep != nil else { return }
    try directory?.saveHeld()
    heldStep = nil
    lastSave = monotonicNanoseconds()
    try drain()
  }

  /// For a person who has to find out why a run ended.
  func dump(_ dump: BadStepDump) throws {
    try directory?.write(BadStepDump.fileName, String(decoding: JSON.encoder().encode(dump), as: UTF8.self))
    try saveHeld()
  }

  /// Passes on what the directory has to tell.
  private func drain() throws {
    for event in directory?.takeEvents() ?? [] {
      switch event {
      case .saved(let path, _, _, _):
        savedPath = path
        observer?.checkpointSaved(path: path)
      case .failed(let failure): note(failure.message)
      case .note(let line): note(line)
      case .removed: break
      }
    }
  }

  /// Waits for the last checkpoint and closes the directory.
  func finish(_ report: inout TrainingReport) throws {
    var line = MetricsLine("end")
    line.add("epochs", report.epochs)
    line.add("step", report.steps)
    line.add("train_loss", report.trainLoss)
    line.add("validation", report.validation)
    line.add("test", report.test)
    line.add("seconds", report.seconds)
    try directory?.appendMetrics(line.closed)
    try directory?.waitForSaves()
    try drain()
    report.runDirectory = directory?.path ?? path
    report.checkpoint = savedPath
    report.bestCheckpoint = directory?.bestPath
    try directory?.close()
  }

  /// Lets go of the directory after a failure; what was saved stays.
  func abandon() {
    directory?.stopsOnSaveError = false
    try? directory?.close()
  }
}
