import Diagnostics
import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One run of the program that starts the ranks.
struct Attempt {
  private let supervisor: Supervisor
  private let plan: LaunchPlan
  private let channel: JobChannel
  private let processes: JobProcesses
  private let ranksAreHere: Bool
  private let relays: [OutputRelay]
  private let folder: TemporaryFolder?
  private let child: ChildProcess
  /// How often we were asked to stop, and when the next, harder signal is due.
  private var requests = 0
  private var deadline: ContinuousClock.Instant?
  private var hung = false
  /// Whether the ranks were asked to save and end because machines are back, and whether a person wants the end.
  private var isGrowing = false
  private var isStopping = false
  private let start = ContinuousClock.now
  private var nextLook = ContinuousClock.now

  /// Prints the line that starts the ranks, and runs it.
  init(_ supervisor: Supervisor, _ plan: LaunchPlan) throws {
    (self.supervisor, self.plan, ranksAreHere) = (supervisor, plan, plan.ranksAreHere())
    channel = try JobChannel(reachableAt: plan.addressesForRanks())
    processes = JobProcesses(card: channel.card, starter: plan.starter)
    let folder = plan.hostfile == nil ? nil : try TemporaryFolder()
    let hostfile = try plan.hostfile.flatMap { try folder?.write("hosts", Array(plan.text(of: $0).utf8)) }
    self.folder = folder
    let arguments = plan.arguments(hostfilePath: hostfile, isWatched: true)
    supervisor.say(ShellWords.quoted([supervisor.program] + arguments))
    relays = try [OutputRelay(to: 1), OutputRelay(to: 2)]
    let environment = [JobChannel.variable: channel.card]
    child = try OutputRelay.starting(relays) {
      try ChildProcess(
        supervisor.program, arguments, environment: environment, output: $0[0], errors: $0[1],
        orphaned: plan.starter.passesSIGTERM ? SIGKILL : SIGTERM)
    }
  }

  /// The program that starts the ranks, without its folder.
  private var name: String {
    supervisor.program.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? "it"
  }

  /// How it ended.
  struct Ending {
    /// The exit code; 128 and the number for a signal.
    var code: Int32
    /// Whether a person asked for the end.
    var stopping: Bool
    /// Whether it was ended to go on with more machines.
    var isGrowing: Bool
    /// For how long the job has been over, with or without the program that started it.
    var over: Duration
  }

  mutating func run(_ inbox: inout SignalInbox, _ machines: inout Membership?) throws -> Ending {
    while true {
      if let end = child.ended() { return try close(end.exitCode) }
      let signal = inbox.next(within: 50)
      if signal == SIGTSTP { suspend() }
      lookForRanks()
      channel.listen()
      endIfHung()
      endIfUnwatched()
      machines?.look(isWaiting: channel.pulse.isWaiting)
      growIfPossible(machines)
      let asked = signal != nil && signal != SIGTSTP
      if asked, isGrowing, !isStopping {
        isStopping = true
        supervisor.say("asked to stop; the ranks save and end already (once more ends them at once)")
        continue
      }
      guard asked || deadline.map({ ContinuousClock.now >= $0 }) == true else { continue }
      isStopping = isStopping || asked
      requests += 1
      stop()
      deadline = .now + (requests == 1 ? supervisor.grace : .seconds(10))
    }
  }

  /// Machines that were lost answer again, and there would be more ranks with them: the ranks save and end, and the job goes on with
  /// all. Not in its first seconds, in which ranks do not listen yet.
  private mutating func growIfPossible(_ machines: Membership?) {
    guard requests == 0, !hung, let machines, !machines.returned.isEmpty, .now - start > .seconds(3),
      supervisor.fitted(to: machines, with: machines.returned).rankCount > plan.rankCount
    else { return }
    (isGrowing, requests, deadline) = (true, 1, .now + supervisor.grace)
    child.send(SIGUSR1)
    supervisor.say(
      "\(machines.returned.joined(separator: ", ")): answers again; the ranks save and end, to go on with it")
  }

  /// A rank that is killed tells nothing, and its starter may wait without end after that (Open MPI 4, where a rank is killed while
  /// it meets the others). Once a second, oftener in the beginning: it reads the environment of every process.
  private mutating func lookForRanks() {
    guard ContinuousClock.now >= nextLook else { return }
    let here = processes.ranks
    // What a rank that is gone by now has told is in a socket already.
    channel.listen()
    channel.note(present: here, of: ranksAreHere ? plan.rankCount : nil)
    nextLook = .now + (.now - start < .seconds(3) ? .milliseconds(50) : .seconds(1))
  }

  /// The job is over, and the starter waits for a host that it can't reach any more, or for a rank that was killed. Where ranks gave
  /// others up that is likely, and the rest of them has nothing to finish. An srun is left the whole time: it alone ends ranks of
  /// other machines.
  private mutating func endIfHung() {
    let isLost = channel.hasGivenUp && plan.starter != .srun
    let patience = isLost ? min(supervisor.patience, .milliseconds(300)) : supervisor.patience
    guard !hung, let over = channel.over(ranks: plan.rankCount), over > patience else { return }
    hung = true
    child.sendToGroup(SIGKILL)
    supervisor.say("\(name) does not end after its ranks have; it is killed")
  }

  /// Every rank that could notice is stopped, or on a machine that is cut off.
  private mutating func endIfUnwatched() {
    guard !hung, let time = channel.unwatched() else { return }
    hung = true
    child.sendToGroup(SIGKILL)
    supervisor.say(
      "no rank has said for \(time.components.seconds) s that it watches over the job: all that can be reached are stopped; \(name) is killed"
    )
  }

  /// Nothing of the job is left on this machine when this returns: ranks that are stopped would keep the run's lock.
  private func close(_ code: Int32) throws -> Ending {
    child.sendToGroup(SIGKILL)
    processes.end()
    // A remote shell to a lost host keeps the pipes open.
    for relay in relays { relay.drain(within: hung ? .milliseconds(100) : .seconds(1)) }
    channel.listen()
    let over = max(.zero, channel.over(ranks: plan.rankCount) ?? .zero)
    if hung {
      let code = channel.allEndedWell(ranks: plan.rankCount) ? 0 : Failure.Kind.retry.rawValue
      return Ending(code: code, stopping: isStopping, isGrowing: isGrowing, over: over)
    }
    let code = jobsCode(code)
    if code == 0, let failure = relays.compactMap(\.failure).first { throw failure }
    // Who was ended by our request, before it could listen or after its time was up, may be started again. mpirun itself ends with 0 where
    // it gets one before its ranks run.
    let isJobs = (64...128).contains(code) || code == 0 && channel.allEndedWell(ranks: plan.rankCount)
    return Ending(
      code: requests > 0 && !isJobs ? 75 : code, stopping: isStopping, isGrowing: isGrowing, over: over)
  }

  /// MPICH's mpiexec ends with the bits of all ranks' codes together (64 and 75 are 75), and with the bare number of a signal.
  /// What the ranks told says it as other starters do: the code of the first that failed, 128 and the number for a signal. mpirun ends with 1
  /// where it was too busy to hear that one of very many ranks left MPI before it was gone, and may be killed itself: that is no failure of a job that
  /// is done.
  private func jobsCode(_ code: Int32) -> Int32 {
    guard code != 0 else { return code }
    let ranks = plan.rankCount
    if channel.allEndedWell(ranks: ranks) || Supervisor.isStarters(code) && channel.isDone(ranks: ranks) {
      supervisor.say("\(name) ended with exit code \(code) after all ranks had done their work")
      return 0
    }
    if plan.starter == .hydra || Supervisor.isStarters(code), let first = channel.firstFailure {
      return first
    }
    guard plan.starter == .hydra else { return code }
    channel.note(present: [], of: ranksAreHere ? plan.rankCount : nil)
    return channel.isMissingRanks && (1...64).contains(code) ? 128 + code : code
  }

  /// First a request that the starter passes to the ranks as it is: they save and end together. mpirun's own way of ending
  /// leaves them one second. Then harder. The signal goes before the words: a terminal that is held up must not hold it.
  private func stop() {
    switch requests {
    case 1:
      child.send(SIGUSR1)
      supervisor.say("asked to stop; the ranks save and end (once more ends them at once)")
    case 2: child.send(SIGTERM)
    default: child.sendToGroup(SIGKILL)
    }
  }

  /// ^Z: the starter passes it to the ranks of all machines; then it and this process stop. Returns when this process goes on
  /// (`fg`, SIGCONT), with the whole job going on. The time between counts for no deadline.
  private mutating func suspend() {
    guard ranksAreHere || plan.starter.suspendsOtherMachines else {
      return supervisor.say("\(name) does not stop ranks of other machines: the job goes on")
    }
    child.send(SIGTSTP)
    // Remote ranks are not seen: the starter gets a moment to tell their machines.
    if !ranksAreHere { usleep(300_000) }
    processes.stop(within: .seconds(1))
    child.sendToGroup(SIGSTOP)
    let start = ContinuousClock.now
    raise(SIGSTOP)
    let time = ContinuousClock.now - start
    deadline = deadline.map { $0 + time }
    channel.passOver(time)
    child.sendToGroup(SIGCONT)
    processes.send(SIGCONT)
  }
}
