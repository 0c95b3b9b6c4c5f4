import Collective
import Diagnostics
import Synchronization
import Training

/// What unwinds a simulated process that is gone: nobody waits for it, and what it still does has no effect.
struct Gone: Error {}

/// A process of a simulated job: a rank with its threads, its watchdog and its host.
final class SimulatedProcess: @unchecked Sendable {
  /// How it ended.
  enum Ending: Equatable {
    case code(Int32)
    case killed
  }

  let rank: Int
  let host: Int
  let progress = RankProgress()
  let scheduler: Scheduler
  /// nil while it runs.
  private(set) var ending: Ending?
  var endedAt: UInt64 = 0
  /// Whether it stands still for ever, its watchdog too where it was stopped from outside.
  var hangs = false
  var isStopped = false
  /// From when on the watchdog of the others may blame it.
  var awayAt: UInt64?
  /// When it last entered a call.
  var enteredAt: UInt64 = 0
  /// Whether it has computed since the last beat, and how many of its calls of the file system are under way.
  var computes = false
  var hasComputed = false
  var fileCalls = 0
  /// Messages that come to it take so much longer.
  var delay: UInt64 = 0
  /// Its calls of the file system take so much longer.
  var diskDelay: UInt64 = 0
  /// What each of its calls that change a file ends with.
  var diskError: Int32?
  /// Its next step takes so much longer.
  var work: UInt64 = 0
  /// Whether a parameter was changed on purpose.
  var wasSpoilt = false
  var report: TrainingReport?
  var failure: Failure?
  weak var trainer: Trainer?
  private var isAskedToStop = false
  private(set) var fibers: [Scheduler.Fiber] = []

  init(rank: Int, host: Int, _ scheduler: Scheduler) {
    (self.rank, self.host, self.scheduler) = (rank, host, scheduler)
  }

  var isGone: Bool { ending != nil }

  func start(_ name: String, _ body: @escaping @Sendable () -> Void) -> Scheduler.Fiber {
    let fiber = scheduler.start(name, self, body)
    fibers.append(fiber)
    return fiber
  }

  /// Its threads unwind at once.
  func end(_ how: Ending) {
    guard ending == nil else { return }
    (ending, endedAt) = (how, scheduler.now)
    awayAt = awayAt ?? scheduler.now
    scheduler.note(UInt64(rank) << 32)
    for fiber in fibers { scheduler.wake(fiber) }
  }

  /// Lets go of its threads, which hold it.
  func close() { fibers = [] }

  /// Passes virtual time on the thread that runs.
  func pass(_ time: UInt64) throws {
    if isGone { throw Gone() }
    scheduler.sleep(time)
    try stand()
  }

  /// Lets go until woken.
  func wait() throws {
    if isGone { throw Gone() }
    scheduler.block()
    try stand()
  }

  /// Where it hangs it stays here until it is gone.
  private func stand() throws {
    while hangs, !isGone { scheduler.block() }
    if isGone { throw Gone() }
  }

  /// Computes, which the system counts.
  func compute(_ time: UInt64) throws {
    computes = true
    hasComputed = true
    defer { computes = false }
    try pass(time)
  }

  /// As a signal does.
  func askToStop() {
    isAskedToStop = true
    trainer?.requestStop()
  }

  func begins(_ trainer: Trainer) {
    self.trainer = trainer
    if isAskedToStop { trainer.requestStop() }
  }
}
