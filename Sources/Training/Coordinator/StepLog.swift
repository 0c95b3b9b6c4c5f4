import Collective

/// Takes note of steps: `RunRecorder` where it has the run's files, `WorkerLog` where a dedicated coordinator has them.
protocol StepLog: AnyObject {
  func stepEnded(_ run: Trainer, _ outcome: StepOutcome) throws
  /// Whether it is time for a checkpoint inside an epoch.
  func wantsSave(_ meter: RunMeter) -> Bool
  func save(_ run: Trainer) throws
  /// - line: for metrics.jsonl. note: for a person.
  func tell(_ line: String, note: String) throws
}

extension StepLog {
  /// How gradients are summed from now on.
  func chosen(_ choice: GradientReduction.Choice, step: Int) throws {
    try tell(MetricsLine.chosen(choice, step: step), note: choice.line)
  }
}

extension GradientReduction.Choice {
  /// For a person.
  fileprivate var line: String {
    let way =
      isOverlapped
      ? "in \(messages) messages beside backward" : "in one message after backward"
    let times = milliseconds.map {
      " (\(String(printf: "%.5g", $0.oneMessage)) ms a step in one message, \(String(printf: "%.5g", $0.overlapped)) ms beside backward)"
    }
    return "gradients are summed over the ranks \(way)\(times ?? "")"
  }
}

/// The first worker's notes on their way to the coordinator.
final class WorkerLog: StepLog {
  private let link: CoordinatorLink
  private let recipe: Recipe
  private var lines: [String] = []
  private var notes: [String] = []
  private var nextProgress: UInt64 = 0
  private var lastSave = monotonicNanoseconds()

  init(_ link: CoordinatorLink, _ recipe: Recipe) {
    self.link = link
    self.recipe = recipe
  }

  func stepEnded(_ run: Trainer, _ outcome: StepOutcome) throws {
    if let line = MetricsLine.step(run, outcome) { lines.append(line) }
    guard run.meter.now >= nextProgress else { return }
    nextProgress = run.meter.now + 100_000_000
    if try link.isIdle() { try send(.progress, run) }
  }

  func wantsSave(_ meter: RunMeter) -> Bool { recipe.checkpoint.isDue(meter.nanoseconds(since: lastSave)) }

  func save(_ run: Trainer) throws {
    lastSave = run.meter.now
    try send(.save, run)
  }

  func tell(_ line: String, note: String) {
    lines.append(line)
    notes.append(note)
  }

  /// Also what was noted since the last message.
  func send(
    _ kind: WorkerMessage.Kind, _ run: Trainer, _ complete: (inout WorkerMessage) -> Void = { _ in }
  ) throws {
    var message = WorkerMessage(
      kind: kind, lines: lines, notes: notes,
      position: run.state.messagePosition(updates: run.optimizer.steps),
      speed: run.meter.speed, times: run.rankTimes)
    lines = []
    notes = []
    if kind == .progress { message.progress = run.progress }
    complete(&message)
    try link.send(message, withTensors: kind != .progress && kind != .failed)
  }

  /// Whether the coordinator was asked to stop.
  func stopWanted() throws -> Bool { try link.stopWanted() }
  func finish() throws { try link.finish() }
}

extension CheckpointSpecification {
  /// Whether a checkpoint is due at the end of this epoch (counted from 1), or this many nanoseconds after the last one.
  func isDue(_ epoch: Int) -> Bool { everyEpochs.map { epoch % $0 == 0 } ?? false }
  func isDue(_ nanoseconds: UInt64) -> Bool { everySeconds.map { Double(nanoseconds) > $0 * 1e9 } ?? false }
}

extension RunState {
  func messagePosition(updates: Int) -> WorkerMessage.Position {
    .init(
      step: step, position: position, sums: sums, counters: counters, updates: updates)
  }

  mutating func adopt(_ other: WorkerMessage.Position) {
    (step, position, sums) = (other.step, other.position, other.sums)
    // What epochs' ends change is the coordinator's.
    let own = counters
    counters = other.counters
    (counters.best, counters.trainAccuracy) = (own.best, own.trainAccuracy)
  }
}
