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
/// A thread of its own sends this rank's `RankProgress` to all others once a second, outside MPI, and listens to theirs. Where
/// this rank has waited in one call for `nameAfter`, it logs which ranks have not come: they have entered fewer calls,
/// or are not heard of any more. Where a late rank makes no progress for `stallTimeout`, this process ends with exit code 75
/// and the launcher ends the others. A late rank that keeps marking progress, or computes, is slow, not lost: it is named and
/// waited for.
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
    /// Time between two messages to the other ranks.
    package var beat: Duration = .seconds(1)
    /// Where the lines go; nil for standard error.
    package var log: (@Sendable (String) -> Void)?
    /// What ends the job; nil for leaving the process with exit code 75.
    package var end: (@Sendable (String) -> Void)?

    package init() {}

    /// - stallTimeout: late ranks are named after half of it at the latest.
    package init(stallTimeout: Duration) {
      self.stallTimeout = stallTimeout
      nameAfter = min(nameAfter, stallTimeout / 2)
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
    let monitor = Monitor(progress, heartbeat, options, place: group.place)
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
final class Monitor: @unchecked Sendable {
  private let stopped = Atomic(false)
  private let progress: RankProgress
  private let heartbeat: Heartbeat
  private let options: Watchdog.Options
  private let place: String
  private let clock = ContinuousClock()

  private var mine = RankProgress.Mark()
  private var waitingSince: ContinuousClock.Instant
  private var named: ContinuousClock.Instant?
  private var lastTick: ContinuousClock.Instant
  private var processorTime = ProcessorTime()

  init(_ progress: RankProgress, _ heartbeat: Heartbeat, _ options: Watchdog.Options, place: String) {
    self.progress = progress
    self.heartbeat = heartbeat
    self.options = options
    self.place = place
    waitingSince = clock.now
    lastTick = waitingSince
  }

  func stop() {
    stopped.store(true, ordering: .relaxed)
    heartbeat.wake()
  }

  func run() {
    while !stopped.load(ordering: .relaxed) {
      if processorTime.passed(atLeast: options.beat / 50), progress.mark.waiting == nil {
        progress.addBusyBeat()
      }
      heartbeat.send(progress.mark)
      heartbeat.listen(until: lastTick + options.beat)
      if !look(clock.now) { return }
    }
  }

  /// Compares what is known; false when the job ends.
  private func look(_ now: ContinuousClock.Instant) -> Bool {
    // This process was stopped or the machine slept: what others did meanwhile is not known, and they may have been, too.
    if now - lastTick > min(options.beat * 4, options.beat + options.stallTimeout / 4) { forget(now) }
    lastTick = now
    let mark = progress.mark
    if mark != mine {
      if let named { say("goes on after \(seconds(now - (named - options.nameAfter)))") }
      (mine, waitingSince, named) = (mark, now, nil)
    }
    guard let group = mark.waiting, now - waitingSince >= options.nameAfter else { return true }
    let members = progress.members(of: group)
    let late = heartbeat.peers.filter { members.contains($0.rank) && isLate($0, group, now) }
    if named == nil {
      named = now
      say("has waited \(waited(now)) for \(describe(late, now))")
    }
    let lastSign = late.map(\.changed).max() ?? waitingSince
    guard now - max(waitingSince, lastSign) >= options.stallTimeout else { return true }
    end(
      "gives up after \(waited(now)); waited for \(describe(late, now)); ends with exit code 75, start again to resume"
    )
    return false
  }

  private func isLate(_ peer: HeartbeatInbox.Peer, _ group: Int, _ now: ContinuousClock.Instant) -> Bool {
    if now - peer.heard > options.beat * 4 { return true }
    // The two ends of a link don't make their calls in pairs.
    if progress.members(of: group).count == 2 { return peer.mark.waiting != group }
    let (theirs, ours) = (peer.mark.callCount(group), mine.callCount(group))
    return theirs < ours || (theirs == ours && peer.mark.waiting != group)
  }

  private func forget(_ now: ContinuousClock.Instant) {
    waitingSince = now
    heartbeat.forget(now)
  }

  private func waited(_ now: ContinuousClock.Instant) -> String {
    "\(seconds(now - waitingSince)) in \(mine.call) at step \(mine.step)"
  }

  private func describe(_ late: [HeartbeatInbox.Peer], _ now: ContinuousClock.Instant) -> String {
    if late.isEmpty { return "the network: every rank is heard and waits in the same call" }
    return late.map { peer in
      let sign =
        now - peer.heard > options.beat * 4 ? "silent for \(seconds(now - peer.heard)), last" : "alive,"
      return "rank \(peer.rank) on \(peer.host) (\(sign) at step \(peer.mark.step) in \(peer.mark.phase))"
    }.joined(separator: ", ")
  }

  private func say(_ text: String) {
    let line = "recur: \(place) \(text)"
    if let log = options.log { log(line) } else { writeLine(line) }
  }

  private func end(_ text: String) {
    say(text)
    if let end = options.end { return end(text) }
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

private func seconds(_ duration: Duration) -> String {
  let tenths = duration.components.seconds * 10 + duration.components.attoseconds / 100_000_000_000_000_000
  return tenths < 100 ? "\(tenths / 10).\(tenths % 10) s" : "\(tenths / 10) s"
}
