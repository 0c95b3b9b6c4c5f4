import Collective
import Dataset
import Diagnostics
import FoundationEssentials
import Version

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The files of a run and whoever watches it; there is one, on rank 0.
final class RunRecorder: StepLog {
  private var recipe: Recipe
  private let observer: (any TrainingObserver)?
  private var template: CheckpointState
  /// Until the run begins, what it will begin with; then nil.
  private var claim: RunClaim?
  private var directory: RunDirectory?
  private let path: String
  private var resumedFrom: CheckpointFile?
  /// The best state before that one, of a run that goes on in another folder: it is taken along.
  private var bestBefore: CheckpointFile?
  /// Whether the run is one that the directory holds already.
  private var isResumed = false
  private var nextProgress: UInt64 = 0
  private var nextLook: UInt64 = 0
  private var lastSave: UInt64 = 0
  /// The step of the best state so far, where that is in memory only.
  private var heldStep: Int?

  init(recipe: Recipe, data: LoadedData, options: TrainingOptions, observer: (any TrainingObserver)?) throws {
    self.recipe = recipe
    self.observer = observer
    path = options.outputDirectory ?? "runs/\(recipe.name)-\(Self.timestamp())"
    var state = CheckpointState(
      program: ProgramVersion.text, runID: UUID().uuidString, recipe: recipe.effectiveYAML, seed: recipe.seed,
      optimizer: .init(name: recipe.optimizer.name, t: 0))
    if let scaler = data.scaler { state.scaler = JSONValue(encoding: scaler) }
    if !data.classNames.isEmpty { state.classNames = data.classNames }
    if !data.vocabulary.isEmpty { state.extra["vocabulary"] = JSONValue(encoding: data.vocabulary) }
    if !data.categoryNames.isEmpty { state.extra["categories"] = JSONValue(encoding: data.categoryNames) }
    state.dataFingerprint = data.fingerprint
    template = state
  }

  /// Claims the run directory, and changes nothing yet.
  /// - Returns: the checkpoint to continue from.
  func claim(_ options: TrainingOptions) throws -> CheckpointFile? {
    switch options.resume {
    case .auto where RunDirectory.holdsRun(path, fileSystem: options.fileSystem):
      let claim = try RunClaim(resuming: path, fileSystem: options.fileSystem)
      let search = try claim.newestValid()
      for skipped in search.skipped { note("skipped \(skipped.path): \(skipped.reason)") }
      if search.file == nil, !search.skipped.isEmpty {
        throw Failure.badData("\(path): no checkpoint of this run is valid; start anew with --overwrite")
      }
      resumedFrom = search.file
      self.claim = claim
      isResumed = true
    case .file(let source):
      let file = try CheckpointFile(reading: FileSystem.absolute(source))
      guard !file.isExported else {
        throw Failure.badData(
          "\(file.path): it was exported and holds a model alone, no state of a run to go on with; start a new run from its weights: --init-from \(ShellWords.quoted([file.path]))"
        )
      }
      resumedFrom = file
      bestBefore = recipe.checkpoint.choosingMetric.flatMap { RunDirectory.best(upTo: file, by: $0) }
      fallthrough
    case .auto, .never:
      claim =
        options.outputDirectory == nil
        ? try RunClaim(naming: path, fileSystem: options.fileSystem)
        : try RunClaim(creating: path, overwrite: options.overwrite, fileSystem: options.fileSystem)
    }
    return resumedFrom
  }

  /// Makes or takes over the claimed directory. Called when nothing is left that could refuse the run.
  func begin() throws {
    let retention = RunDirectory.Retention(
      keepLast: recipe.checkpoint.keepLast, keepBest: recipe.checkpoint.keepBest)
    if isResumed {
      directory = try claim?.resume(from: resumedFrom, recipe: recipe.effectiveYAML, retention: retention)
      if let resumedFrom { template.runID = resumedFrom.state.runID }
    } else {
      directory = try claim?.begin(recipe: recipe.effectiveYAML, retention: retention)
      try bestBefore.map { try takeAlong($0) }
    }
    claim = nil
  }

  /// Keeps in the run's recipe where its parameters came from, which who resumes it need not say again.
  func keepStart(of saved: Recipe) {
    (recipe.train.initFrom, recipe.train.initMap) = (saved.train.initFrom, saved.train.initMap)
    recipe.train.allowMissing = saved.train.allowMissing
    template.recipe = recipe.effectiveYAML
  }

  private func takeAlong(_ file: CheckpointFile) throws {
    var state = file.state
    state.runID = template.runID
    try directory?.save(state, tensorsOf: file)
    bestBefore = nil
  }

  private static func timestamp() -> String {
    var (seconds, local) = (time(nil), tm())
    localtime_r(&seconds, &local)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { text in
      strftime(text.baseAddress!, text.count, "%Y%m%d-%H%M%S", &local)
      return String(cString: text.baseAddress!)
    }
  }

  func note(_ line: String) { observer?.note(line) }
}

extension RunRecorder {
  func started(_ run: Trainer) throws {
    lastSave = monotonicNanoseconds()
    if recipe.checkpoint.metric.part == .validation, run.data.validation == nil,
      recipe.checkpoint.keepBest > 0
    {
      note(
        "there is no validation part: `best` is the checkpoint with the least train.loss, and commands take the newest"
      )
    }
    for line in run.remarks { note(line) }
    observer?.started(
      TrainingStart(
        outputDirectory: directory?.path ?? path, parameters: run.model.layout.count,
        ranks: run.communicator.size, hosts: run.machines, threads: run.model.team.count,
        device: run.deviceName, epochs: recipe.train.epochs,
        stepsPerEpoch: (run.set.count + recipe.train.batchSize - 1) / recipe.train.batchSize,
        trainSamples: run.set.count, validationSamples: run.data.validation?.count ?? 0,
        testSamples: run.data.test?.count ?? 0, unusedSamples: run.data.unused,
        targetUnit: run.data.targetUnit, resumedFrom: resumedFrom?.path,
        weights: resumedFrom == nil ? run.state.weights : nil, firstEpoch: run.state.epoch))
    try drain()
  }

  func stepEnded(_ run: Trainer, _ outcome: StepOutcome) throws {
    if let line = MetricsLine.step(run, outcome) { try append(line) }
    guard run.meter.now >= nextProgress else { return }
    nextProgress = run.meter.now + 100_000_000
    try progressed(run.progress)
  }

  func wantsSave(_ meter: RunMeter) -> Bool { recipe.checkpoint.isDue(meter.nanoseconds(since: lastSave)) }

  func progressed(_ progress: TrainingProgress) throws {
    let now = monotonicNanoseconds()
    if now >= nextLook {
      nextLook = now + 1_000_000_000
      try directory?.directory.requireInPlace()
    }
    if heldStep != nil, !isEarly { try saveHeld() }
    observer?.progress(progress)
    try drain()
  }

  func append(_ line: String) throws { try directory?.appendMetrics(line) }

  func tell(_ line: String, note text: String) throws {
    try append(line)
    note(text)
  }

  func epochEnded(_ run: Trainer, _ values: EpochValues, improved: Bool) throws {
    var line = MetricsLine("epoch")
    line.add("epoch", run.state.epoch - 1)
    line.add("step", run.state.step)
    line.add("train_loss", values.loss)
    line.add("train_accuracy", values.accuracy)
    line.add("learning_rate", run.state.counters.learningRate)
    line.add("validation", values.validation)
    line.add("seconds", run.meter.epochSeconds)
    line.add("samples_per_second", run.meter.epochSamplesPerSecond)
    line.add("skipped_steps", run.state.counters.skipped)
    line.add(run.rankTimes, run.slowest)
    try directory?.appendMetrics(line.closed)
    observer?.epochEnded(
      EpochSummary(
        epoch: run.state.epoch - 1, epochs: recipe.train.epochs, step: run.state.step, trainLoss: values.loss,
        trainAccuracy: values.accuracy, validation: values.validation,
        learningRate: run.state.counters.learningRate,
        seconds: run.meter.epochSeconds, samplesPerSecond: run.meter.epochSamplesPerSecond,
        skippedSteps: run.state.counters.skipped, slowest: run.slowest))
    let isDue = recipe.checkpoint.isDue(run.state.epoch)
    let isBest = improved && recipe.checkpoint.keepBest > 0
    if isBest, isEarly, !isDue { return try hold(run) }
    guard isDue || isBest else { return }
    if isBest { forgetHeld() }
    try save(run)
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

  /// Sees to it that the present state is saved, unless it is already or is being saved just now.
  func saveLast(_ run: Trainer) throws {
    guard let directory, !directory.isHanded(run.state.place) else { return }
    try save(run)
  }

  private func checkpointState(_ run: Trainer) -> CheckpointState {
    var state = template
    run.state.store(in: &state)
    state.optimizer.t = run.optimizer.steps
    state.kernelFamily = run.kernelFamily
    state.products = run.step.device == nil ? run.model.products.choices : nil
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
      case .saved(let path, _, _, _): observer?.checkpointSaved(path: path)
      case .failed(let failure): note(failure.message)
      case .note(let line): note(line)
      case .removed: break
      }
    }
  }

  /// The checkpoint that the run has chosen by a validation metric, if any. Waits for saves.
  func best() throws -> CheckpointFile? {
    guard let directory, let metric = recipe.checkpoint.choosingMetric else { return nil }
    try saveHeld()
    _ = try directory.newestSaved()
    guard let path = directory.bestPath(by: metric) else { return nil }
    return try CheckpointFile(reading: path)
  }

  /// Waits for the last checkpoint, tells its step as the one that was reached, and closes the directory.
  func finish(_ run: Trainer, _ report: inout TrainingReport) throws {
    guard let directory else { return }
    let saved = try directory.newestSaved()
    try drain()
    guard let saved, saved.place == run.state.place else {
      throw Failure(.internalError, "\(directory.path): step \(run.state.step) was not saved")
    }
    report.steps = saved.place.step
    report.checkpoint = saved.path
    report.runDirectory = directory.path
    report.bestCheckpoint = directory.bestPath()
    try append(MetricsLine.end(report))
    try directory.close()
  }

  /// Lets go of the directory after a failure; what was saved stays.
  func abandon() {
    directory?.stopsOnSaveError = false
    try? directory?.close()
    try? claim?.release()
  }
}

extension LoadedData {
  /// How much one unit of a target, as it is scaled, is in the units of the file; nil where targets or series differ in it.
  fileprivate var targetUnit: Double? {
    guard let scaler, !scaler.targets.isEmpty else { return 1 }
    let units = Set(scaler.targets.indices.map { scaler.targetUnit($0) })
    return scaler.series == nil && units.count == 1 ? units.first : nil
  }
}
