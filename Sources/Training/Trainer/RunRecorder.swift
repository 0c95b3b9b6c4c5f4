import Collective
import Dataset
import Diagnostics
import Recurrent

/// Writes a run's events into its files and tells whoever watches it; there is one, on rank 0.
final class RunRecorder: TrainingLog {
  let store: RunStore
  private let observer: (any TrainingObserver)?
  private let checkpoints: CheckpointSpecification
  private let logEverySteps: Int
  private var progressClock = ProgressClock()
  private var nextLook: UInt64 = 0
  /// Where the run writes events for TensorBoard.
  var tensorboard: TensorBoardLog?

  init(_ store: RunStore, observer: (any TrainingObserver)?) {
    self.store = store
    self.observer = observer
    (checkpoints, logEverySteps) = (store.recipe.checkpoint, store.recipe.train.logEverySteps)
  }

  /// - remarks: what a person should know before the first step.
  func started(_ start: TrainingStart, remarks: [String]) throws {
    store.lastSave = monotonicNanoseconds()
    for line in remarks { note(line) }
    observer?.started(start)
    try drain()
  }

  func emit(_ event: TrainingEvent) throws {
    if let line = MetricsLine.line(event, everySteps: logEverySteps) { try append(line) }
    event.note.map { note($0) }
    if case .epoch(let epoch) = event { observer?.epochEnded(epoch.summary) }
  }

  func note(_ line: String) { observer?.note(line) }

  func append(_ line: String) throws {
    try store.directory?.appendMetrics(line)
    try tensorboard?.add(line)
  }

  func picture(_ data: LoadedData, _ model: Model) -> TrainingPicture? {
    observer?.picture(store.recipe, data, model)
  }

  func wantsProgress(at now: UInt64) -> Bool { progressClock.isDue(at: now) }

  func show(_ standing: RunStanding) throws { try show(standing.progress) }

  func show(_ progress: TrainingProgress) throws {
    let now = monotonicNanoseconds()
    if now >= nextLook {
      nextLook = now + 1_000_000_000
      try store.directory?.directory.requireInPlace()
    }
    try store.saveHeldIfLate()
    observer?.progress(progress)
    try drain()
  }

  func wantsSave(_ meter: RunMeter) -> Bool { checkpoints.isDue(meter.nanoseconds(since: store.lastSave)) }

  func save(_ standing: RunStanding, _ tensors: [NamedTensor]) throws {
    try store.save(standing, tensors)
    try drain()
  }

  /// Keeps an epoch's end.
  func keep(_ keeping: Keeping, _ standing: RunStanding, _ tensors: [NamedTensor]) throws {
    if keeping == .hold { return try store.hold(standing, tensors) }
    if keeping == .saveBest { store.forgetHeld() }
    try save(standing, tensors)
  }

  /// For a person who has to find out why a run ended.
  func dump(_ dump: BadStepDump) throws {
    try store.dump(dump)
    try drain()
  }

  /// The checkpoint that the run has chosen by a validation metric, if any. Waits for saves.
  func best() throws -> CheckpointFile? {
    let best = try store.best()
    try drain()
    return best
  }

  /// Waits for the last checkpoint, tells its step as the one that was reached, and closes the directory.
  func finish(_ place: CheckpointState.RunPosition, _ report: inout TrainingReport) throws {
    guard let directory = store.directory else { return }
    let saved = try directory.newestSaved()
    try drain()
    guard let saved, saved.place == place else {
      throw Failure(.internalError, "\(directory.path): step \(place.step) was not saved")
    }
    report.steps = saved.place.step
    report.checkpoint = saved.path
    report.runDirectory = directory.path
    report.bestCheckpoint = directory.bestPath()
    try emit(.ended(report))
    try tensorboard?.finish(hasEnded: report.status != .interrupted)
    try directory.close()
  }

  /// Passes on what the directory has to tell.
  private func drain() throws {
    for event in store.directory?.takeEvents() ?? [] {
      switch event {
      case .saved(let path, _, _, _): observer?.checkpointSaved(path: path)
      case .failed(let failure): note(failure.message)
      case .note(let line): note(line)
      case .removed: break
      }
    }
  }
}
