import Diagnostics
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Sees to it that no rank waits forever, and says for whom it waits.
///
/// A thread of its own tells the rank above this one in the `HeartbeatTree`, once a beat and outside MPI, what this one and those below are at.
/// Rank 0, or who takes its place, judges (`JobWatch`): where ranks have waited in one call for `nameAfter`, it logs, in one line for the
/// job, for whom: ranks of that group that wait in no call, or are not heard of any more. Where none of them makes progress for
/// `stallTimeout`, all processes end with exit code 75. A rank that keeps marking progress, computes, or waits for its disk is slow, not
/// lost: it is named and waited for.
///
///     let watchdog = try Watchdog(group)
///     watchdog.progress.enter(.backward, step: step)
///     …
///     try watchdog.finish()
package final class Watchdog {
  package struct Options: Sendable {
    /// How long a wait lasts before the late ranks are named.
    package var nameAfter: Duration = .seconds(5)
    /// How long a late rank may be without any progress before the job ends.
    package var stallTimeout: Duration = .seconds(60)
    /// Time between two reports.
    package var beat: Duration = .seconds(1)
    /// Where the lines go; nil for standard error.
    package var log: (@Sendable (String) -> Void)?
    /// What ends the job; nil for leaving the process with exit code 75.
    package var end: (@Sendable (String) -> Void)?

    package init() {}

    /// - stallTimeout: late ranks are named after half of it at the latest; that a rank is silent is known well before it is over.
    package init(stallTimeout: Duration) {
      self.stallTimeout = stallTimeout
      nameAfter = min(nameAfter, stallTimeout / 2)
      beat = min(beat, stallTimeout / 20)
    }

    package var limits: JobWatch.Limits {
      JobWatch.Limits(nameAfter: nameAfter, stallTimeout: stallTimeout, beat: beat)
    }
  }

  /// What the training loop marks. The communicator marks its calls by itself.
  package let progress = RankProgress()
  private let group: any Communicator
  private let monitor: Monitor?
  private var thread: pthread_t?

  /// All ranks make one together. In a group of one it does nothing.
  package init(_ group: any Communicator, _ options: Options = Options()) throws {
    self.group = group
    guard group.size > 1 else {
      monitor = nil
      return
    }
    let heartbeat = try Heartbeat(group)
    let monitor = Monitor(progress, heartbeat, options, group)
    self.monitor = monitor
    group.progress = progress
    thread = try startThread { monitor.run() }
  }

  /// The last call of the group, in place of its own `finish`: ranks that never come are noticed, those that have left
  /// are not missed.
  package func finish() throws {
    progress.enter(.finishing, step: progress.mark.step)
    try group.barrier()
    stop()
    try group.finish()
  }

  /// Stops watching.
  package func stop() {
    monitor?.stop()
    if let thread { pthread_join(thread, nil) }
    thread = nil
  }

  deinit { stop() }
}

/// The watching thread of one rank. Made by the thread that it watches.
final class Monitor: HeartbeatListener, @unchecked Sendable {
  private let stopped = Atomic(false)
  private let progress: RankProgress
  private let heartbeat: Heartbeat
  private let options: Watchdog.Options
  private let place: String
  private let clock = ContinuousClock()
  private var watch: JobWatch
  private var processorTime = ProcessorTime()
  private var diskWait = DiskWait()
  private var hasEnded = false
  private var pulse = SupervisorPulse()

  init(
    _ progress: RankProgress, _ heartbeat: Heartbeat, _ options: Watchdog.Options, _ group: any Communicator
  ) {
    self.progress = progress
    self.heartbeat = heartbeat
    self.options = options
    place = group.place
    watch = JobWatch(
      rank: group.rank, hosts: heartbeat.hosts, limits: options.limits, now: clock.now,
      isOpen: heartbeat.isOpen
    ) { progress.members(of: $0) }
  }

  func stop() {
    stopped.store(true, ordering: .relaxed)
    heartbeat.wake()
  }

  func run() {
    while !stopped.load(ordering: .relaxed), !hasEnded {
      let begin = clock.now
      if progress.mark.waiting == nil {
        if processorTime.passed(atLeast: options.beat / 50) {
          progress.addBusyBeat()
        } else if diskWait.isOn {
          progress.addBusyBeat(atDisk: true)
        }
      }
      perform(watch.beat(begin, progress.mark))
      if hasEnded { return }
      heartbeat.listen(until: begin + options.beat, for: self)
    }
    // Whether a wait that was named is over; nobody is told anything any more.
    for case .say(let blame) in watch.beat(clock.now, progress.mark) { say(blame.line) }
    pulse.end()
  }

  /// What this rank says of itself when it is asked.
  var answer: SubtreeReport { watch.answer(clock.now) }

  func take(_ message: HeartbeatMessage) -> Bool {
    perform(watch.take(message, clock.now))
    return !hasEnded
  }

  private func perform(_ acts: [JobWatch.Act]) {
    for act in acts {
      switch act {
      case .send(let subject, let peer): heartbeat.send(subject, to: peer)
      case .say(let blame): say(blame.line)
      case .ask(let ranks): heartbeat.ask(ranks, within: watch.limits.answer)
      case .tell(let isWaiting): pulse.tell(options.limits, isWaiting)
      case .end(let blame): end(blame, acts)
      }
    }
  }

  private func say(_ text: String) {
    let line = "recur: \(place): the job \(text)"
    if let log = options.log { log(line) } else { writeLine(line) }
  }

  /// The line first, then the other ranks, which end without one: what they are told may be lost, and is told three times.
  private func end(_ blame: JobWatch.Blame?, _ acts: [JobWatch.Act]) {
    hasEnded = true
    if let blame { say(blame.line) }
    for _ in 0..<2 {
      usleep(5000)
      for case .send(let subject, let peer) in acts { heartbeat.send(subject, to: peer) }
    }
    if let end = options.end { return end(blame?.line ?? "ends with the others") }
    RankLife.ends(Failure.Kind.retry.rawValue, gaveUp: true)
    _exit(Failure.Kind.retry.rawValue)
  }
}

/// What the thread that makes it computes, asked for by another one.
private struct ProcessorTime {
  private var clock = CLOCK_PROCESS_CPUTIME_ID
  private var last: Int64 = 0

  init() {
    #if os(Linux)
      pthread_getcpuclockid(pthread_self(), &clock)
    #endif
  }

  /// Whether that much was used since the last call. A rank that waits for a disk or was stopped uses nothing.
  mutating func passed(atLeast least: Duration) -> Bool {
    var time = timespec()
    guard clock_gettime(clock, &time) == 0 else { return false }
    let now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    defer { last = now }
    return .nanoseconds(now - last) >= least
  }
}
