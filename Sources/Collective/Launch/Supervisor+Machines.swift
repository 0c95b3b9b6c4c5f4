import Diagnostics

/// One try of a job, for a report: its size, how long it took, and its exit code.
package struct AttemptRecord: Encodable, Sendable {
  package var ranks: Int
  package var hosts: [String]
  package var seconds: Double
  package var exitCode: Int32 = 0
  /// Machines that did not answer after it.
  package var lostHosts: [String] = []

  init(_ plan: LaunchPlan, seconds: Double) {
    ranks = plan.rankCount
    hosts = plan.hostfile?.hosts.map(\.name) ?? []
    self.seconds = seconds
  }
}

/// Which machines a job is started on.
extension Supervisor {
  /// The plan for the machines that are left: no more ranks than they have slots.
  func fitted(to machines: Membership?, with returned: [String] = []) -> LaunchPlan {
    guard let machines, !machines.lost.isEmpty else { return plan }
    var plan = plan
    let left = machines.hostfile.without(machines.lost.filter { !returned.contains($0) })
    plan.hostfile = left
    plan.ranks = min(plan.rankCount, left.slots)
    return plan
  }

  /// The starter says a lot about a machine that it can't start on, but not which one.
  func tellLostHosts(_ machines: Membership?) -> Bool {
    guard let lost = machines?.lost, let first = lost.first else { return false }
    let command = ShellWords.quoted((plan.agent ?? .ssh).command(on: first, ["true"]))
    say(
      "no answer from \(lost.joined(separator: ", ")): check the hostfile; `\(command)` must work without a password"
    )
    return true
  }

  /// Finds out which machines are there, and says which are not.
  /// - Returns: those that were there before.
  @discardableResult
  func settle(_ machines: inout Membership?) -> [String] {
    let gone = machines?.settle() ?? []
    if let lost = machines?.lost, !lost.isEmpty { say("without \(lost.joined(separator: ", ")): no answer") }
    return gone
  }

  /// Waits until there are as many machines as the job needs.
  /// - Returns: false where a person asks for the end meanwhile.
  func gather(_ machines: inout Membership?, _ inbox: inout SignalInbox) throws -> Bool {
    guard machines != nil else { return true }
    guard let rules = elastic else {
      if machines?.isEnough == false { throw Failure(.retry, "no host of the hostfile answers") }
      return true
    }
    let end = ContinuousClock.now + rules.patience
    var isTold = false
    while let state = machines, !state.isEnough {
      let count = "\(state.present.hosts.count) of the \(rules.minimum) machines that the job needs"
      guard ContinuousClock.now < end else {
        throw Failure(
          .retry,
          "after \(rules.patience.components.seconds) s there are \(count); no answer from \(state.lost.joined(separator: ", ")): start again when they are back"
        )
      }
      if !isTold { say("waits: there are \(count), no answer from \(state.lost.joined(separator: ", "))") }
      isTold = true
      if waitForStop(0.05, &inbox) { return false }
      machines?.look(isWaiting: false)
      machines?.takeBack()
    }
    return true
  }
}
