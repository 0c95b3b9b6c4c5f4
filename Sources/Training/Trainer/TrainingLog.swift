/// Listens to a run on one rank: `RunRecorder` where the run's files are, `WorkerLog` where a dedicated coordinator has them.
protocol TrainingLog: AnyObject {
  func emit(_ event: TrainingEvent) throws
  /// Whether it is time to show where the run stands; asked once a step.
  /// - now: when the step ended, in monotonic nanoseconds.
  func wantsProgress(at now: UInt64) -> Bool
  func show(_ standing: RunStanding) throws
  /// Whether it is time for a checkpoint inside an epoch.
  func wantsSave(_ meter: RunMeter) -> Bool
  /// - tensors: current, and not changed before it returns.
  func save(_ standing: RunStanding, _ tensors: [NamedTensor]) throws
}

/// Lets something happen at most ten times a second.
struct ProgressClock {
  private var next: UInt64 = 0

  /// - now: in monotonic nanoseconds.
  mutating func isDue(at now: UInt64) -> Bool {
    guard now >= next else { return false }
    next = now + 100_000_000
    return true
  }
}
