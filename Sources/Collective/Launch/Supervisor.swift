import Diagnostics
import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs a job under mpirun to its end: prints the line it runs, passes signals on, and starts a job that failed for
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
  package var mpirun = "mpirun"
  /// Seconds before the first restart; each further one waits twice as long, at most 30 (or this, where that is more).
  package var pause = 1.0
  /// After a request to stop: how long the ranks have for saving.
  package var grace: Duration = .seconds(60)
  /// After the end of a rank: how long mpirun may take to end the others.
  package var patience: Duration = .seconds(8)
  package var say: @Sendable (String) -> Void = { writeLine("recur launch: \($0)") }

  package init(_ plan: LaunchPlan) { self.plan = plan }

  /// Codes 64 to 70 are the job's own fault; 74 and 75, signals (128 and above) and mpirun's own troubles are not.
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
    var inbox = SignalInbox([SIGINT, SIGTERM, SIGHUP, SIGUSR1])
    defer { inbox.close() }
    for attempt in 0... {
      let start = ContinuousClock.now
      var (code, stopping) = try Attempt(self, plan).run(&inbox)
      if !stopping, Self.isMpiruns(code), tellLostHosts(plan) { code = Failure.Kind.retry.rawValue }
      switch Self.verdict(code, stopping: stopping) {
      case .done: return 0
      case .final: return code
      case .retry where attempt >= maxRestarts:
        if maxRestarts > 0 {
          say("\(describe(code)); gave up after \(maxRestarts) restart\(maxRestarts == 1 ? "" : "s")")
        }
        return code
      case .retry: break
      }
      plan = try withoutLostHosts(self.plan).resuming()
      let pause = min(max(30, self.pause), self.pause * Double(1 << min(attempt, 20)))
      say(
        "\(describe(code)) after \((ContinuousClock.now - start).components.seconds) s; restart \(attempt + 1) of \(maxRestarts)"
          + " in \(seconds(pause)) with \(plan.rankCount) ranks, from the newest valid checkpoint")
      if inbox.next(within: Int(pause * 1000)) != nil { return code }
    }
    return 0
  }

  private func seconds(_ pause: Double) -> String {
    pause == pause.rounded() ? "\(Int(pause)) s" : "\(Int(pause * 1000)) ms"
  }

  private func describe(_ code: Int32) -> String {
    switch code {
    case 75: "stopped and worth retrying (exit code 75)"
    case 129...192: "a process was ended by signal \(code - 128)"
    default: "failed with exit code \(code)"
    }
  }

  /// Whether a code comes from mpirun rather than from the job or a signal.
  private static func isMpiruns(_ code: Int32) -> Bool {
    code != 0 && !(64...75).contains(code) && !(129...192).contains(code)
  }

  /// mpirun says a lot about a host that it can't start on, but not which one.
  private func tellLostHosts(_ plan: LaunchPlan) -> Bool {
    let lost = (plan.hostfile?.hosts ?? []).map(\.name).filter { !answers($0) }
    guard let first = lost.first else { return false }
    say(
      "no answer from \(lost.joined(separator: ", ")): check the hostfile; `\(plan.agent ?? "ssh") \(first) true` must work without a password"
    )
    return true
  }

  /// Fewer ranks where a host of the hostfile does not answer any more.
  private func withoutLostHosts(_ plan: LaunchPlan) throws -> LaunchPlan {
    guard let hostfile = plan.hostfile else { return plan }
    let left = hostfile.reachable { answers($0) }
    let lost = hostfile.hosts.filter { !left.hosts.contains($0) }
    guard !lost.isEmpty else { return plan }
    guard !left.hosts.isEmpty else { throw Failure(.retry, "no host of the hostfile answers") }
    say("without \(lost.map(\.name).joined(separator: ", ")): no answer")
    var plan = plan
    plan.hostfile = left
    plan.ranks = min(plan.rankCount, left.slots)
    return plan
  }

  private func answers(_ host: String) -> Bool {
    if [localHostName(), "localhost", "127.0.0.1"].contains(host) { return true }
    let agent = (plan.agent ?? "ssh -o BatchMode=yes -o ConnectTimeout=5").split(separator: " ").map(
      String.init)
    guard let child = try? ChildProcess(agent[0], Array(agent.dropFirst()) + [host, "true"]) else {
      return false
    }
    for _ in 0..<100 {
      if let end = child.ended() { return end == .code(0) }
      usleep(100_000)
    }
    child.sendToGroup(SIGKILL)
    while child.ended() == nil { usleep(10_000) }
    return false
  }
}

/// One run of mpirun.
private struct Attempt {
  let supervisor: Supervisor
  let plan: LaunchPlan

  init(_ supervisor: Supervisor, _ plan: LaunchPlan) {
    self.supervisor = supervisor
    self.plan = plan
  }

  /// Its exit code (128 and the number for a signal), and whether a person asked for the end.
  func run(_ inbox: inout SignalInbox) throws -> (code: Int32, stopping: Bool) {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let hostfile = try plan.hostfile.map { try folder.write("hosts", plan.text(of: $0).utf8) }
    let arguments = plan.arguments(hostfilePath: hostfile)
    supervisor.say(LaunchPlan.quoted([supervisor.mpirun] + arguments))
    let errors = try ErrorRelay()
    let child = try errors.starting { try ChildProcess(supervisor.mpirun, arguments, standardError: $0) }
    // How often we were asked to stop, and when the next, harder signal is due.
    var requests = 0
    var hung = false
    var deadline: ContinuousClock.Instant?
    while true {
      if let end = child.ended() {
        child.sendToGroup(SIGKILL)
        errors.drain()
        if hung { return (75, requests > 0) }
        let code = end.exitCode
        // Who was ended by our request, before it could listen or after its time was up, may be started again.
        return (requests > 0 && code > 128 ? 75 : code, requests > 0)
      }
      let asked = inbox.next(within: 50) != nil
      // Every rank has ended, and mpirun waits for a host that it can't reach any more.
      if !hung, let overdue = errors.overdue, overdue > supervisor.patience {
        supervisor.say("mpirun does not end after its ranks have; it is killed")
        hung = true
        child.sendToGroup(SIGKILL)
      }
      guard asked || deadline.map({ ContinuousClock.now >= $0 }) == true else { continue }
      requests += 1
      stop(child, requests)
      deadline = .now + (requests == 1 ? supervisor.grace : .seconds(10))
    }
  }

  /// First a request that mpirun passes to the ranks as it is: they save and end together. mpirun's own way of ending
  /// leaves them one second. Then harder.
  private func stop(_ child: ChildProcess, _ requests: Int) {
    switch requests {
    case 1:
      supervisor.say("asked to stop; the ranks save and end (once more ends them at once)")
      child.send(SIGUSR1)
    case 2: child.send(SIGTERM)
    default: child.sendToGroup(SIGKILL)
    }
  }
}
