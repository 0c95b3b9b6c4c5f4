import Collective
import Diagnostics

/// The first worker's events on their way to the coordinator.
final class WorkerLog: TrainingLog {
  private let link: CoordinatorLink
  private let recipe: Recipe
  private var lines: [String] = []
  private var notes: [String] = []
  private var progressClock = ProgressClock()
  private var lastSave = monotonicNanoseconds()

  init(_ link: CoordinatorLink, _ recipe: Recipe) {
    self.link = link
    self.recipe = recipe
  }

  func emit(_ event: TrainingEvent) {
    if let line = MetricsLine.line(event, everySteps: recipe.train.logEverySteps) { lines.append(line) }
    if let note = event.note { notes.append(note) }
  }

  func wantsProgress(at now: UInt64) -> Bool { progressClock.isDue(at: now) }

  func show(_ standing: RunStanding) throws { if try link.isIdle() { try send(.progress, standing) } }

  func wantsSave(_ meter: RunMeter) -> Bool { recipe.checkpoint.isDue(meter.nanoseconds(since: lastSave)) }

  /// The link has the tensors.
  func save(_ standing: RunStanding, _: [NamedTensor]) throws {
    lastSave = standing.meter.now
    try send(.save, standing)
  }

  /// Also what was noted since the last message.
  func send(
    _ kind: WorkerMessage.Subject, _ standing: RunStanding,
    _ complete: (inout WorkerMessage) -> Void = { _ in }
  ) throws {
    var message = WorkerMessage(
      kind: kind, lines: lines, notes: notes,
      position: standing.state.messagePosition(updates: standing.updates), speed: standing.meter.speed,
      times: standing.times)
    lines = []
    notes = []
    if kind == .progress { message.progress = standing.progress }
    complete(&message)
    try link.send(message, withTensors: kind != .progress && kind != .failed)
  }

  /// Whether the coordinator was asked to stop.
  func stopWanted() throws -> Bool { try link.stopWanted() }
  func finish() throws { try link.finish() }
}

extension RunState {
  func messagePosition(updates: Int) -> WorkerMessage.TrainedState {
    .init(
      step: step, position: position, sums: sums, counters: counters, updates: updates, ranks: ranks)
  }

  mutating func adopt(_ other: WorkerMessage.TrainedState) {
    (step, position, sums) = (other.step, other.position, other.sums)
    ranks = other.ranks
    // What epochs' ends change is the coordinator's.
    let own = counters
    counters = other.counters
    (counters.best, counters.trainAccuracy) = (own.best, own.trainAccuracy)
  }
}
