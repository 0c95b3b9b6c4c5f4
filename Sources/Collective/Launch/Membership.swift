/// Which machines of a hostfile a job has: those that do not answer are left out, and where it is elastic taken back when they answer again.
///
/// It asks from the main loop of a supervisor, which gives it a turn many times a second and never waits for it while a job runs.
package struct Membership {
  /// What a job of changing size needs.
  package struct Rules: Equatable, Sendable {
    /// Machines that it needs at least.
    package var minimum: Int
    /// How long it waits for them.
    package var patience: Duration
    /// Time between two questions to a machine that is gone; twice as long each time that it is lost again.
    package var interval: Duration

    package init(
      minimum: Int, patience: Duration = .seconds(600), interval: Duration = .seconds(5)
    ) {
      (self.minimum, self.patience, self.interval) = (minimum, patience, interval)
    }
  }

  let hostfile: Hostfile
  let rules: Rules?
  private let agent: RemoteShell
  /// Machines that the job goes on without.
  private(set) var lost: [String] = []
  /// Those of them that answer again: twice, one after the other, so that one question that slips through is no return.
  private(set) var returned: [String] = []
  private var answers: [String: Int] = [:]
  private var losses: [String: Int] = [:]
  private var due: [String: ContinuousClock.Instant] = [:]
  /// The question that is under way, and whether it is to machines of which a job waits for somebody.
  private var check: (question: HostCheck, isSuspicion: Bool)?
  private var wasWaiting = false
  /// Machines that are known not to answer, so that they are not asked again at the end of the job.
  private var suspected: Set<String> = []

  init(_ hostfile: Hostfile, agent: RemoteShell, rules: Rules? = nil) {
    (self.hostfile, self.agent, self.rules) = (hostfile, agent, rules)
  }

  private var names: [String] { hostfile.hosts.map(\.name) }
  /// The machines that are left.
  var present: Hostfile { hostfile.without(lost) }

  /// A turn while a job runs.
  /// - isWaiting: whether its ranks say that they wait for somebody: then it is found out at once which machines are gone, and known
  ///   when they give up.
  mutating func look(isWaiting: Bool) {
    defer { wasWaiting = isWaiting }
    if isWaiting, !wasWaiting {
      check?.question.cancel()
      check = (HostCheck(agent: agent, present.hosts.map(\.name)), true)
    }
    check?.question.look()
    if let (question, isSuspicion) = check {
      guard question.isDone else { return }
      check = nil
      if isSuspicion { suspected = question.silent } else { note(question) }
    }
    let now = ContinuousClock.now
    let asked = rules == nil ? [] : lost.filter { due[$0, default: now] <= now }
    if !asked.isEmpty { check = (HostCheck(agent: agent, asked, isQuiet: true), false) }
  }

  /// What lost machines answered.
  private mutating func note(_ question: HostCheck) {
    guard let rules else { return }
    for host in question.hosts {
      answers[host] = question.silent.contains(host) ? 0 : answers[host, default: 0] + 1
      due[host] = .now + rules.interval * (1 << min(6, losses[host, default: 1] - 1))
    }
    returned = lost.filter { answers[$0, default: 0] >= 2 }
  }

  /// A job has ended: finds out which machines are there, as fast as they answer.
  /// - Returns: those that were there before and do not answer.
  mutating func settle() -> [String] {
    if check?.isSuspicion == true {
      check?.question.wait()
      suspected = check?.question.silent ?? []
    } else {
      check?.question.cancel()
    }
    check = nil
    // An elastic job asks the lost ones all the time, and may not wait for each of them again.
    let known = suspected.union(rules == nil ? [] : lost.filter { !returned.contains($0) })
    var question = HostCheck(agent: agent, names.filter { !known.contains($0) })
    question.wait()
    let before = lost
    lost = names.filter { known.contains($0) || question.silent.contains($0) }
    let gone = lost.filter { !before.contains($0) }
    for host in gone {
      losses[host, default: 0] += 1
      due[host] = nil
    }
    for host in names { answers[host] = 0 }
    (returned, suspected, wasWaiting) = ([], [], false)
    return gone
  }

  /// Whether the job may start.
  var isEnough: Bool { rules.map { present.hosts.count >= $0.minimum } ?? !present.hosts.isEmpty }

  /// Takes machines back that have answered, while no job runs: once is enough then.
  mutating func takeBack() {
    let back = lost.filter { answers[$0, default: 0] >= 1 }
    lost.removeAll { back.contains($0) }
    returned.removeAll { back.contains($0) }
  }

  /// Nobody needs it any more.
  mutating func close() {
    check?.question.cancel()
    check = nil
  }
}
