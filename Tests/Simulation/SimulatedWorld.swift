import Collective
import Diagnostics
import Digests

/// The machines of a simulated job, the network between them, and what starts and ends its ranks.
final class SimulatedWorld: @unchecked Sendable {
  let scheduler: Scheduler
  let plant: Plant?
  private(set) var processes: [SimulatedProcess] = []
  private var watches: [SimulatedWatch] = []
  private(set) var violations: [Violation] = []
  /// Hosts without a link.
  private(set) var cut: Set<Int> = []
  /// Hosts to and from which no datagram goes.
  var deaf: Set<Int> = []
  /// What watchdogs gave up, and when.
  private(set) var blames: [(by: SimulatedProcess, ranks: [Int])] = []
  private var pulse = JobPulse()
  let key = HMAC.newKey()

  init(seed: UInt64, plant: Plant?) {
    scheduler = Scheduler(seed: seed)
    self.plant = plant
  }

  static func hostName(_ host: Int) -> String { "host-\(host)" }

  func violated(_ check: Check, _ detail: String) {
    violations.append(Violation(check: check, detail: detail))
  }

  func isCut(_ a: Int, _ b: Int) -> Bool { a != b && (cut.contains(a) || cut.contains(b)) }

  func cut(_ host: Int) {
    cut.insert(host)
    for process in processes where process.host == host {
      process.awayAt = process.awayAt ?? scheduler.now
      // Its daemon has lost who started it, and ends what it looks after: a rank that hangs there too.
      scheduler.after(.seconds(45)) { process.end(.killed) }
    }
  }

  /// - hosts: the host of each rank.
  func launch(hosts: [Int]) -> [SimulatedGroup] {
    processes = hosts.enumerated().map { SimulatedProcess(rank: $0, host: $1, scheduler) }
    let all = SimulatedMeeting(self, processes)
    watches = processes.map { SimulatedWatch(self, $0, hosts: hosts.map(Self.hostName)) }
    for watch in watches { watch.begin() }
    look()
    return processes.map { SimulatedGroup(rank: $0.rank, $0, all) }
  }

  /// A rank tells who started the job that it watches over it.
  func tellLauncher(
    _ process: SimulatedProcess, _ limits: JobWatch.Limits, _ isWaiting: Bool, _ now: ContinuousClock.Instant
  ) {
    if plant != .pulse, plant != .waits, !cut.contains(process.host) {
      pulse.beat(now, patience: limits.pulse, isWaiting: isWaiting)
    }
  }

  /// The launcher, twice a second: a job that nobody watches over is ended where it can be reached.
  private func look() {
    guard processes.contains(where: { !$0.isGone }) else { return }
    scheduler.after(.milliseconds(500)) { [self] in look() }
    guard pulse.isMissing(SimulatedWatch.now(self)) != nil else { return }
    for process in processes where !process.isGone && !cut.contains(process.host) { process.end(.killed) }
  }

  /// Lets go of what holds it.
  func close() {
    for process in processes { process.close() }
    watches = []
  }

  /// A rank's process has ended: what started it ends the others where it reaches them, which takes its time.
  func ended(_ process: SimulatedProcess) {
    guard process.ending != .code(0), !cut.contains(process.host) else { return }
    scheduler.after(scheduler.dice.time(.milliseconds(10)...(.milliseconds(1500)))) { [self] in
      for other in processes where !other.isGone && !cut.contains(other.host) { other.end(.killed) }
    }
  }

  /// Sends bytes from the watchdog of one rank to that of another.
  func send(_ bytes: [UInt8], from: SimulatedProcess, to rank: Int, asked: Bool = false) {
    let target = processes[rank]
    let isLost = !asked && (scheduler.dice.one(of: 50) || (from.host != target.host && isDeaf(from, target)))
    guard !isLost, !isCut(from.host, target.host) else { return }
    scheduler.after(scheduler.dice.time(.microseconds(50)...(.milliseconds(5)))) { [self] in
      guard !target.isGone, !target.isStopped, !isCut(from.host, target.host) else { return }
      watches[rank].take(bytes, isStream: asked)
    }
  }

  private func isDeaf(_ a: SimulatedProcess, _ b: SimulatedProcess) -> Bool {
    deaf.contains(a.host) || deaf.contains(b.host)
  }

  /// A watchdog names whom ranks wait for: who is away, or has come no further than to where it is in no call. What it says was true a
  /// moment ago at least.
  func said(_ process: SimulatedProcess, _ finding: JobWatch.Blame) {
    guard finding.line.hasPrefix("has waited") else { return }
    let moment = UInt64.milliseconds(2600)
    func isAway(_ other: SimulatedProcess) -> Bool {
      other.awayAt != nil || other.hangs || isCut(process.host, other.host)
    }
    let wrong = finding.ranks.filter { rank in
      let (other, enteredAt) = (processes[rank], processes[rank].enteredAt)
      return !isAway(other) && other.progress.mark.waiting != nil && enteredAt + moment < scheduler.now
    }
    let unseen = processes.filter { other in
      let hides = other.hangs && !other.isStopped && other.progress.mark.waiting != nil
      return isAway(other) && !hides && (other.awayAt ?? 0) + moment < scheduler.now
    }
    if !wrong.isEmpty || finding.ranks.isEmpty && !unseen.isEmpty {
      violated(
        .blame,
        "rank \(process.rank) names \(finding.ranks), \(wrong) wrongly, and not \(unseen.map(\.rank)): \(finding.line)"
      )
    }
  }

  /// A watchdog gives the job up.
  func gaveUp(_ process: SimulatedProcess, _ finding: JobWatch.Blame) {
    var ranks = finding.ranks
    if plant == .blame { ranks = ranks.map { ($0 + 1) % processes.count } }
    blames.append((process, ranks))
    let wrong = ranks.filter { rank in
      let blamed = processes[rank]
      return blamed.awayAt == nil && !blamed.hangs && !isCut(process.host, blamed.host)
    }
    // Of a rank that hangs within a call nobody can tell that it does not just wait as the others do.
    let isHidden = processes.contains { $0.hangs && $0.progress.mark.waiting != nil }
    if !wrong.isEmpty || ranks.isEmpty && !isHidden {
      violated(.blame, "rank \(process.rank) blames \(ranks), of which \(wrong) are there: \(finding.line)")
    }
  }

  /// Makes a difference on purpose: the last rank does not hear that another one asks for a stop.
  func decidesAlone(
    _ process: SimulatedProcess, _ own: [Double], _ sums: UnsafeMutableBufferPointer<Double>, ranks: Int
  ) {
    guard plant == .decisions, process.rank == processes.count - 1, ranks > 1 else { return }
    let stop = sums.count - ranks - 3
    if stop >= 0, own.count == sums.count { sums[stop] = own[stop] }
  }
}

/// What must hold in every schedule.
package enum Check: String, Sendable, CaseIterable {
  /// Nobody waits for ever.
  case waits
  /// All ranks take the same decisions, and a job without a fault that ends it is not ended.
  case decisions
  /// What is said to be saved is there, and whole.
  case checkpoints
  /// A run that was resumed is the run that was not.
  case bits
  /// Who is blamed is away, and it is told once.
  case blame
}

/// Something that must hold and did not.
package struct Violation: Sendable {
  package var check: Check
  package var detail: String
}

/// A fault in the program itself, made on purpose: the check of its name must find it.
package enum Plant: String, Sendable, CaseIterable {
  /// Watchdogs end nothing, and who starts jobs does not care.
  case waits
  /// The last rank does not hear that another one asks for a stop.
  case decisions
  /// Disks that are slow are no reason to wait.
  case patience
  /// The newest checkpoint is cut in half.
  case checkpoints
  /// A resumed run begins with another parameter.
  case bits
  /// Another rank is blamed.
  case blame
  /// Who starts jobs does not care whether anybody watches over them.
  case pulse

  package var check: Check {
    switch self {
    case .patience: .blame
    case .pulse: .waits
    default: Check(rawValue: rawValue) ?? .decisions
    }
  }
}
