/// What the watchdog of one rank knows of its job, and what it does about it. It has no clock, no socket and no thread: who runs it says
/// what time it is and what has come, and does what it asks for.
///
/// Every rank tells the one above it in the `HeartbeatTree` what it and those below are at; rank 0 judges, and tells all that
/// somebody does. Where the rank above is silent, a report goes straight to rank 0 and those that would take its place: the lowest of them
/// that is left.
package struct JobWatch {
  package struct Limits: Sendable, Equatable {
    /// How long a wait lasts before the ranks that it is for are named.
    package var nameAfter: Duration
    /// How long these may be without any progress before the job ends.
    package var stallTimeout: Duration
    /// Time between two reports.
    package var beat: Duration

    package init(nameAfter: Duration, stallTimeout: Duration, beat: Duration) {
      (self.nameAfter, self.stallTimeout, self.beat) = (nameAfter, stallTimeout, beat)
    }

    /// Without a word for so long a neighbour is taken for silent.
    var silence: Duration { beat * 4 }
    /// Nobody has heard of a rank for so long, on any way.
    var loss: Duration { beat * 7 }
    /// A silent rank that was asked has so long for an answer.
    package var answer: Duration { min(.milliseconds(1500), stallTimeout / 5) }
    /// Who started the ranks hears in this time that somebody watches over them, or nobody does.
    package var pulse: Duration { max(.seconds(15), stallTimeout * 3 / 2) }
  }

  /// A line, and whom it is about.
  package struct Blame: Equatable, Sendable {
    package var line: String
    package var ranks: [Int] = []
  }

  /// What is to be done.
  package enum Act: Equatable, Sendable {
    case send(HeartbeatMessage.Body, to: Int)
    case say(Blame)
    /// These are to be asked on another way; what they answer is a direct report.
    case ask([Int])
    /// Who started the ranks is to know that this one watches over them, and whether a wait has been named.
    case tell(isWaiting: Bool)
    /// The job is over; with what is to be said, where nobody else says it.
    case end(Blame?)
  }

  typealias Instant = ContinuousClock.Instant
  /// A report and when it came.
  struct Heard {
    var report: SubtreeReport
    var time: Instant
  }

  let rank: Int
  let hosts: [String]
  let tree: HeartbeatTree
  let limits: Limits
  /// The ranks of a group of calls.
  private let membersOf: @Sendable (Int) -> Range<Int>
  private let subtrees: [[Int]]

  private var mark = RankProgress.Mark()
  private var changed: Instant
  private var waitingSince: Instant
  private var lastBeat: Instant
  /// What was before does not count: this process was stopped, or its machine slept.
  private var awakeSince: Instant
  private var reports: [Heard?]
  private var directs: [Int: Heard] = [:]
  /// When it was last known of each rank that it lives; nil for never.
  var covered: [Instant?]
  private var notice: (JobNotice, time: Instant)?
  private var heardParent: Instant?
  private var isLeading = false
  /// Since when a wait has been named.
  var named: Instant?
  var asked: [Int: Instant] = [:]
  private var hasEnded = false

  /// - hosts: the machine of each rank.
  /// - isOpen: whether every rank was found to reach the one above it.
  /// - members: the ranks of a group of calls.
  package init(
    rank: Int, hosts: [String], limits: Limits, now: ContinuousClock.Instant, isOpen: Bool = false,
    members: @escaping @Sendable (Int) -> Range<Int>
  ) {
    (self.rank, self.hosts, self.limits, membersOf) = (rank, hosts, limits, members)
    let tree = HeartbeatTree(hosts: hosts)
    self.tree = tree
    subtrees = tree.children[rank].map { tree.subtree(of: $0) }
    reports = subtrees.map { _ in nil }
    covered = Array(repeating: nil, count: hosts.count)
    (changed, waitingSince, lastBeat, awakeSince) = (now, now, now, now)
    // Then who is silent from the beginning is away.
    guard isOpen else { return }
    for other in hosts.indices where other != rank { covered[other] = now }
    if rank != 0 { (notice, heardParent) = ((JobNotice(leader: 0, isComplete: true, ends: false), now), now) }
  }

  func members(_ group: Int) -> Range<Int> { membersOf(group).clamped(to: 0..<hosts.count) }

  /// Milliseconds from a time to now, of which what lies before a sleep does not count.
  func age(of time: Instant, _ now: Instant) -> UInt32 {
    let time = (now - max(time, awakeSince)).components
    return UInt32(clamping: max(0, time.seconds * 1000 + time.attoseconds / 1_000_000_000_000_000))
  }
}

extension JobWatch {
  /// Once a beat.
  package mutating func beat(_ now: ContinuousClock.Instant, _ mark: RankProgress.Mark) -> [Act] {
    if now - lastBeat > min(limits.beat * 4, limits.beat + limits.stallTimeout / 4) { sleptUntil(now) }
    lastBeat = now
    if mark != self.mark {
      if mark.calls != self.mark.calls { waitingSince = now }
      (self.mark, changed) = (mark, now)
    }
    var report = collected(now)
    let whole = report
    report.shorten()
    var acts: [Act] = []
    if let parent = tree.parents[rank] { acts.append(.send(.report(report), to: parent)) }
    if isOrphan(now) {
      acts += tree.succession.filter { $0 != rank }.map { .send(.direct(report), to: $0) }
    }
    guard leads(now) else { return acts }
    let judgement = judge(joined(whole, now), now)
    if case .end = judgement.last { hasEnded = true }
    let own = JobNotice(leader: rank, isComplete: isComplete, ends: hasEnded)
    acts += audience(now).map { .send(.notice(own), to: $0) } + judgement
    return acts + (hasEnded ? [] : [.tell(isWaiting: named != nil)])
  }

  /// A message that counts.
  package mutating func take(_ message: HeartbeatMessage, _ now: ContinuousClock.Instant) -> [Act] {
    switch message.subject {
    case .report(let report):
      guard let child = tree.children[rank].firstIndex(of: message.from) else { return [] }
      reports[child] = Heard(report: report, time: now)
      cover(subtrees[child], report, now)
    case .direct(let report):
      directs[message.from] = Heard(report: report, time: now)
      cover(tree.subtree(of: message.from), report, now)
    case .notice(let notice): return take(notice, from: message.from, now)
    case .question: break
    }
    return []
  }

  /// What a rank says of itself when it is asked.
  package func answer(_ now: ContinuousClock.Instant) -> SubtreeReport {
    var report = collected(now)
    report.shorten()
    return report
  }

  private mutating func take(_ new: JobNotice, from: Int, _ now: Instant) -> [Act] {
    guard from == tree.parents[rank] || from == new.leader else { return [] }
    if from == tree.parents[rank] { heardParent = now }
    let passedOn = tree.children[rank].filter { $0 != from }.map { Act.send(.notice(new), to: $0) }
    if new.ends {
      if hasEnded { return [] }
      hasEnded = true
      return passedOn + [.end(nil)]
    }
    guard new.leader < rank else { return [] }
    notice = (new, now)
    covered[new.leader] = now
    return passedOn
  }

  private mutating func cover(_ ranks: [Int], _ report: SubtreeReport, _ now: Instant) {
    let missing = report.missing.isEmpty ? [] : Set(report.missing.flatMap { tree.subtree(of: $0.rank) })
    for rank in ranks where missing.isEmpty || !missing.contains(rank) {
      covered[rank] = now
      asked[rank] = nil
    }
  }

  private mutating func sleptUntil(_ now: Instant) {
    awakeSince = now
    waitingSince = now
    changed = now
    named = nil
    asked = [:]
  }

  /// What this rank and those below are at.
  private func collected(_ now: Instant) -> SubtreeReport {
    var all = SubtreeReport(
      rank: rank, mark, changed: age(of: changed, now), waited: age(of: waitingSince, now),
      seen: age(of: lastBeat, now)
    ) { members($0).contains(rank) }
    for (child, heard) in zip(tree.children[rank], reports) {
      if let heard, now - max(heard.time, awakeSince) <= limits.silence {
        all.add(heard.report, age: age(of: heard.time, now))
      } else {
        all.missing.append(.init(rank: child, wasHeard: heard != nil))
      }
    }
    return all
  }

  /// The same with what came past silent ranks.
  private func joined(_ report: SubtreeReport, _ now: Instant) -> SubtreeReport {
    var all = report
    for (_, heard) in directs.sorted(by: { $0.key < $1.key })
    where now - max(heard.time, awakeSince) <= limits.silence {
      all.add(heard.report, age: age(of: heard.time, now))
    }
    return all
  }

  /// Whether the rank above is silent.
  private func isOrphan(_ now: Instant) -> Bool {
    guard tree.parents[rank] != nil, let heard = heardParent else { return false }
    return now - max(heard, awakeSince) > limits.silence
  }

  /// Whether this rank judges: rank 0; where nobody does, those that follow it; where none of them is heard either, the first rank of a
  /// machine that is cut off, or at last any. One that never heard of rank 0 does not: it can't tell a network from a loss.
  private mutating func leads(_ now: Instant) -> Bool {
    if rank == 0 { return true }
    let isNext = tree.succession.contains(rank)
    let isSpeaker = tree.parents[rank].map { hosts[$0] != hosts[rank] } ?? true
    let patience = limits.silence + limits.beat * (isNext ? 2 : isSpeaker ? 6 : 10)
    guard let (last, time) = notice, now - max(time, awakeSince) > patience,
      !tree.succession.contains(where: { $0 < rank && isDirectlyHeard($0, now) })
    else {
      isLeading = false
      return false
    }
    if !isLeading {
      isLeading = true
      // Whom rank 0 knew must come forward, or is away too.
      if last.isComplete { for rank in covered.indices where covered[rank] == nil { covered[rank] = now } }
      covered[last.leader] = time
    }
    return true
  }

  func isDirectlyHeard(_ rank: Int, _ now: Instant) -> Bool {
    directs[rank].map { now - $0.time <= limits.silence } ?? false
  }

  private func audience(_ now: Instant) -> [Int] {
    let others = directs.keys.filter { isDirectlyHeard($0, now) } + (hasEnded ? tree.succession : [])
    return Set(tree.children[rank] + others).subtracting([rank]).sorted()
  }

  private var isComplete: Bool { covered.indices.allSatisfy { $0 == rank || covered[$0] != nil } }
}
