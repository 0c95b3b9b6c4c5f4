import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs a job under a program that starts ranks to its end: prints the line it runs, passes signals on, and starts a job that failed for
/// a reason outside of it again, a bounded number of times, from its newest valid checkpoint.
package struct Supervisor {
  /// Whether an end is worth another try.
  package enum Verdict: Equatable, Sendable {
    case done
    /// Trying again would end the same way, or a person asked for the end.
    case final
    case retry
  }

  package var plan: LaunchPlan
  package var maxRestarts = 0
  /// Whether the job takes machines back that answer again, and how many it needs.
  package var elastic: Membership.Rules?
  /// What starts the ranks: a path, or a name that is searched in PATH.
  package var program = "mpirun"
  /// Seconds from the end of a job to the first restart; each further one waits twice as long, at most 30 (or this, where that is more).
  package var pause = 1.0
  /// After a request to stop: how long the ranks have for saving.
  package var grace: Duration = .seconds(60)
  /// After the end of a rank: how long the program may take to end the others.
  package var patience: Duration = .seconds(8)
  package var say: @Sendable (String) -> Void = { writeLine("recur launch: \($0)") }

  package init(_ plan: LaunchPlan) { self.plan = plan }

  /// Codes 64 to 70 are the job's own fault; 74 and 75, signals (128 and above) and the starter's own troubles are not.
  package static func verdict(_ code: Int32, stopping: Bool) -> Verdict {
    if code == 0 { return .done }
    return stopping || (64...70).contains(code) ? .final : .retry
  }

  /// Returns the exit code of the last try.
  /// - noting: gets each try when it is over.
  package func run(noting note: (AttemptRecord) -> Void = { _ in }) throws -> Int32 {
    guard maxRestarts == 0 && elastic == nil || plan.namesRun else {
      throw Failure.usage(
        "\(elastic == nil ? "--max-restarts" : "--elastic") needs --out DIR in the train command: a restart goes on from the checkpoints there"
      )
    }
    // SIGUSR1: what a batch system is told to send before the time is up.
    var inbox = SignalInbox([SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGTSTP])
    defer { inbox.close() }
    // Who reads our output may go away.
    signal(SIGPIPE, SIG_IGN)
    var machines = plan.hostfile.map { Membership($0, agent: plan.agent ?? .ssh, rules: elastic) }
    defer { machines?.close() }
    // Who is not there is left out from the beginning.
    if elastic != nil { settle(&machines) }
    guard try gather(&machines, &inbox) else { return Failure.Kind.retry.rawValue }
    var (next, restarts) = (fitted(to: machines), 0)
    while true {
      let start = ContinuousClock.now
      var attempt = try Attempt(self, next)
      let end = try attempt.run(&inbox, &machines)
      var record = AttemptRecord(next, seconds: Self.seconds(of: .now - start))
      defer { note(record) }
      record.exitCode = end.code
      let isStarters = !end.stopping && Self.isStarters(end.code)
      if isStarters {
        record.lostHosts = machines?.settle() ?? []
        if tellLostHosts(machines) { record.exitCode = Failure.Kind.retry.rawValue }
      }
      let code = record.exitCode
      switch Self.verdict(code, stopping: end.stopping) {
      case .done: return 0
      case .final: return code
      case .retry: break
      }
      let grows = end.isGrowing && code == Failure.Kind.retry.rawValue
      if !grows, restarts >= maxRestarts {
        if maxRestarts > 0 {
          say("\(describe(code)); gave up after \(maxRestarts) restart\(maxRestarts == 1 ? "" : "s")")
        }
        return code
      }
      if !isStarters { record.lostHosts = settle(&machines) }
      guard try gather(&machines, &inbox) else { return code }
      next = fitted(to: machines).resuming()
      if grows {
        let count = machines?.present.hosts.count ?? 1
        say("goes on with \(next.rankCount) ranks on \(count) machines, from the newest valid checkpoint")
        continue
      }
      restarts += 1
      let pause = restTime(before: restarts, over: end.over, isShrinking: !record.lostHosts.isEmpty)
      say(
        "\(describe(code)) after \((ContinuousClock.now - start).components.seconds) s; restart \(restarts) of \(maxRestarts)"
          + " \(when(pause)) with \(next.rankCount) ranks, from the newest valid checkpoint")
      if waitForStop(pause, &inbox) { return code }
    }
  }

  /// Whether a person asks for the end within so many seconds.
  func waitForStop(_ pause: Double, _ inbox: inout SignalInbox) -> Bool {
    let end = ContinuousClock.now + .seconds(pause)
    while ContinuousClock.now < end {
      let signal = inbox.next(within: 50)
      if signal == SIGTSTP { raise(SIGSTOP) } else if signal != nil { return true }
    }
    return false
  }

  private func when(_ pause: Double) -> String {
    if pause < 0.001 { return "now" }
    return pause < 1 ? "in \(Int(pause * 1000)) ms" : "in \(Int(pause.rounded())) s"
  }

  private static func seconds(of time: Duration) -> Double {
    Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
  }

  private func describe(_ code: Int32) -> String {
    switch code {
    case 75: "stopped and worth retrying (exit code 75)"
    case 129...192: "a process was ended by signal \(code - 128)"
    default: "failed with exit code \(code)"
    }
  }

  /// Whether a code comes from the program that starts the ranks rather than from the job or a signal.
  static func isStarters(_ code: Int32) -> Bool {
    code != 0 && !(64...75).contains(code) && !(129...192).contains(code)
  }

  /// Seconds. What was waited for the starter, and for machines that do not answer, counts; where machines were lost, which the next try leaves
  /// out, there is nothing to wait for.
  private func restTime(before restart: Int, over: Duration, isShrinking: Bool) -> Double {
    if isShrinking { return 0 }
    let whole = min(max(30, pause), pause * Double(1 << min(restart - 1, 20)))
    return max(0, whole - Self.seconds(of: over))
  }
}
