import Collective
import Dataset
import Diagnostics
import Foundation

/// The files of a run and whoever watches it; there is one, on rank 0.
final class RunRecorder: StepLog {
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
    if !data.vocabulary.isEmpty { state.extra["vocabulary"] = JSONValue(encoding: data.vocabulary) }
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
      let directory = try RunDirectory(resuming: path, retention: retention, fileSystem: options.fileSystem)
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
        creating: path, recipe: recipe.effectiveYAML, overwrite: options.overwrite, retention: retention,
        fileSystem: options.fileSystem)
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
        ranks: run.communicator.size, hosts: run.machines, threads: run.model.team.count,
        device: run.deviceName, epochs: recipe.train.epochs,
        stepsPerEpoch: (run.set.count + recipe.train.batchSize - 1) / recipe.train.batchSize,
        trainSamples: run.set.count, validationSamples: run.data.validation?.count ?? 0,
        testSamples: run.data.test?.count ?? 0, resumedFrom: resumedFrom, firstEpoch: run.state.epoch))
    try drain()
  }

  func stepEnded(_ run: Trainer, _ outcome: TrainingStep.Outcome) throws {
    if let line = MetricsLine.step(run, outcome) { try append(line) }
    guard run.meter.now >= nextProgress else { return }
    nextProgress = run.meter.now + 100_000_000
    try progressed(run.progress)
  }

  func wantsSave(_ meter: RunMeter) -> Bool { recipe.checkpoint.isDue(meter.nanoseconds(since: lastSave)) }

  func progressed(_ progress: TrainingProgress) throws {
    if heldStep != nil, !isEarly { try saveHeld() }
    observer?.progress(progress)
    try drain()
  }

  func append(_ line: String) throws { try directory?.appendMetrics(line) }

  func tell(_ line: String, note text: String) throws {
    try append(line)
    note(text)
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
    line.add(run.rankTimes, run.slowest)
    try directory?.appendMetrics(line.closed)
    observer?.epochEnded(
      EpochSummary(
        epoch: run.state.epoch - 1, epochs: recipe.train.epochs, step: run.state.step, trainLoss: values.loss,
        trainAccuracy: values.accuracy, validation: values.validation, learningRate: learningRate,
        seconds: run.meter.epochSeconds, samplesPerSecond: run.meter.epochSamplesPerSecond,
        skippedSteps: run.state.counters.skipped, slowest: run.slowest))
    let isDue = recipe.checkpoint.isDue(run.state.epoch)
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
    try run.step.device?.fetch()
    run.enter(.checkpoint)
    if heldStep == run.state.step { forgetHeld() }
    try saveHeld()
    try run.tracing(.checkpoint) { try directory?.save(checkpointState(run), run.tensors) }
    lastSave = monotonicNanoseconds()
    try drain()
  }

  private func checkpointState(_ run: Trainer) -> CheckpointState {
    var state = template
    run.state.store(in: &state)
    state.optimizer.t = run.optimizer.steps
    state.kernelFamily = run.kernelFamily
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
