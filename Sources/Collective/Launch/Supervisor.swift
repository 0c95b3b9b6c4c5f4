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
  package func run() throws -> Int32 {
    guard maxRestarts == 0 || plan.namesRun else {
      throw Failure.usage(
        "--max-restarts needs --out DIR in the train command: a restart goes on from the checkpoints there")
    }
    var plan = plan
    // SIGUSR1: what a batch system is told to send before the time is up.
    var inbox = SignalInbox([SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGTSTP])
    defer { inbox.close() }
    // Who reads our output may go away.
    signal(SIGPIPE, SIG_IGN)
    for attempt in 0... {
      let start = ContinuousClock.now
      let end = try run(plan, &inbox)
      var code = end.code
      if !end.stopping, Self.isStarters(code), tellLostHosts(plan) { code = Failure.Kind.retry.rawValue }
      switch Self.verdict(code, stopping: end.stopping) {
      case .done: return 0
      case .final: return code
      case .retry where attempt >= maxRestarts:
        if maxRestarts > 0 {
          say("\(describe(code)); gave up after \(maxRestarts) restart\(maxRestarts == 1 ? "" : "s")")
        }
        return code
      case .retry: break
      }
      let whole = min(max(30, self.pause), self.pause * Double(1 << min(attempt, 20)))
      let due = ContinuousClock.now - end.over + .seconds(whole)
      plan = try withoutLostHosts(self.plan).resuming()
      // The time that was waited for the starter, and for hosts that do not answer, counts.
      let pause = max(0, Self.seconds(of: due - .now))
      say(
        "\(describe(code)) after \((ContinuousClock.now - start).components.seconds) s; restart \(attempt + 1) of \(maxRestarts)"
          + " \(when(pause)) with \(plan.rankCount) ranks, from the newest valid checkpoint")
      if waitForStop(pause, &inbox) { return code }
    }
    return 0
  }

  private func run(_ plan: LaunchPlan, _ inbox: inout SignalInbox) throws -> Attempt.Ending {
    var attempt = try Attempt(self, plan)
    return try attempt.run(&inbox)
  }

  /// Whether a person asks for the end within so many seconds.
  private func waitForStop(_ pause: Double, _ inbox: inout SignalInbox) -> Bool {
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

  /// The starter says a lot about a host that it can't start on, but not which one.
  private func tellLostHosts(_ plan: LaunchPlan) -> Bool {
    let lost = silent(plan.hostfile?.hosts ?? [])
    guard let first = lost.first else { return false }
    let command = ShellWords.quoted((plan.agent ?? RemoteShell.ssh).command(on: first, ["true"]))
    say(
      "no answer from \(lost.joined(separator: ", ")): check the hostfile; `\(command)` must work without a password"
    )
    return true
  }

  /// Fewer ranks where a host of the hostfile does not answer any more.
  private func withoutLostHosts(_ plan: LaunchPlan) throws -> LaunchPlan {
    guard let hostfile = plan.hostfile else { return plan }
    let lost = silent(hostfile.hosts)
    let left = hostfile.without(lost)
    guard !lost.isEmpty else { return plan }
    guard !left.hosts.isEmpty else { throw Failure(.retry, "no host of the hostfile answers") }
    say("without \(lost.joined(separator: ", ")): no answer")
    var plan = plan
    plan.hostfile = left
    plan.ranks = min(plan.rankCount, left.slots)
    return plan
  }

  private func silent(_ hosts: [Hostfile.Host]) -> [String] {
    HostCheck(agent: plan.agent ?? .ssh).silent(hosts.map(\.name))
  }
}
