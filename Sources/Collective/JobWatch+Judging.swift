/// Who is waited for, and for how long that may go on.
extension JobWatch {
  /// A wait of some ranks of a group, or a job in which nobody waits.
  private struct Wait {
    var group: Int
    var calls: SubtreeReport.GroupCalls
    /// Ranks that wait in no call, ranks that nobody hears of any more, and ranks that were never heard.
    var moving: [SubtreeReport.MovingRank]
    var silent: [Int]
    var unknown: [Int]
    /// Whether each of them is heard, or was asked and did not answer, and what is known of those that wait in no call is not old.
    var isKnown: Bool
    /// Milliseconds since any of them gave a sign.
    var stalled: UInt32

    var away: [Int] { moving.map(\.rank) + silent }
    /// Milliseconds.
    var lasted: UInt32 { calls.waited ?? stalled }
    /// Which is told where there are several: one for somebody, in a call, for the longest time.
    var weight: (Int, Int, UInt32) { (away.count.signum(), calls.waited == nil ? 0 : 1, lasted) }
  }

  /// - all: what is known of the whole job.
  mutating func judge(_ all: SubtreeReport, _ now: Instant) -> [Act] {
    let waits = all.groups.indices.compactMap { wait($0, all, now) }
    var acts = ask(waits, now)
    let late = waits.filter { $0.lasted >= Self.milliseconds(limits.nameAfter) }
    guard let worst = late.max(by: { $0.weight < $1.weight }) else {
      if let since = named {
        acts.append(.say(Blame(line: "goes on after \(seconds(age(of: since, now)))")))
        named = nil
      }
      return acts
    }
    if named == nil, let told = told(worst, waits, all, now) {
      named = now - .milliseconds(Int(told.lasted))
      acts.append(.say(blame("has waited \(inCall(told)) for", told, now)))
    }
    guard let over = ended(waits, all, now) else { return acts }
    let line = blame("gives up after \(inCall(over)); waited for", over, now)
    acts.append(
      .end(Blame(line: "\(line.line); ends with exit code 75, start again to resume", ranks: line.ranks)))
    return acts
  }

  /// The wait that a line is about: that for somebody, also where a part of all has waited longer for one that waits itself.
  /// - Returns: nil while it is being found out who is away.
  private func told(_ worst: Wait, _ waits: [Wait], _ all: SubtreeReport, _ now: Instant) -> Wait? {
    let told =
      worst.away.isEmpty ? waits.filter { !$0.away.isEmpty }.max { $0.weight < $1.weight } ?? worst : worst
    let isNetwork = told.away.isEmpty && told.unknown.isEmpty
    guard told.isKnown, !isNetwork || isEverybodyWaiting(all, now) else { return nil }
    return told
  }

  /// Everybody is heard, just now, and waits: what they wait for is lost on its way.
  private func isEverybodyWaiting(_ all: SubtreeReport, _ now: Instant) -> Bool {
    let missing = missing(all, now)
    return all.moving.isEmpty && covered.indices.allSatisfy { isFresh($0, now) && !missing.contains($0) }
  }

  /// Ranks that the last reports say nothing of. They still count as heard for a while, but what they are at is not known any more.
  private func missing(_ all: SubtreeReport, _ now: Instant) -> Set<Int> {
    all.missing.reduce(into: []) { missing, head in
      let ranks = tree.subtree(of: head.rank)
      let heard = ranks.filter { isDirectlyHeard($0, now) }.flatMap { tree.subtree(of: $0) }
      missing.formUnion(Set(ranks).subtracting(heard))
    }
  }

  /// nil where nobody of a group waits; of the group of all also where somebody makes progress.
  private func wait(_ group: Int, _ all: SubtreeReport, _ now: Instant) -> Wait? {
    let isWaiting = all.groups[group].waited != nil
    guard isWaiting || group == 0 else { return nil }
    let members = members(group)
    let silent = members.filter { isSilent($0, now) }
    let unknown = members.filter { $0 != rank && covered[$0] == nil }
    let moving = all.moving.filter { members.contains($0.rank) && !silent.contains($0.rank) }
      .sorted { ($1.sign, $0.rank) < ($0.sign, $1.rank) }
    let signs = silent.compactMap { covered[$0].map { age(of: $0, now) } }
    let missing = missing(all, now)
    let stalled = min(all.groups[group].sign, signs.min() ?? .max)
    // What parts of all wait for is theirs; that nobody at all makes progress concerns the job.
    if !isWaiting, stalled < Self.milliseconds(limits.nameAfter / 2) { return nil }
    return Wait(
      group: group, calls: all.groups[group], moving: moving, silent: silent, unknown: unknown,
      isKnown: members.allSatisfy {
        covered[$0] == nil || isLost($0, now) || isFresh($0, now) && !missing.contains($0)
      } && moving.allSatisfy { $0.seen <= oldest },
      stalled: stalled)
  }

  /// What a rank was at so many milliseconds ago may be told of it: by now it may wait itself. A beat more for each rank that hands it on.
  private var oldest: UInt32 {
    Self.milliseconds(limits.silence + limits.beat * max(0, tree.depth - 1))
  }

  /// Whether a rank is silent and did not answer when it was asked.
  private func isLost(_ rank: Int, _ now: Instant) -> Bool {
    isSilent(rank, now) && asked[rank].map { now - $0 > limits.answer } ?? false
  }

  private func isSilent(_ rank: Int, _ now: Instant) -> Bool {
    guard rank != self.rank, let heard = covered[rank] else { return false }
    return .milliseconds(Int(age(of: heard, now))) > limits.loss
  }

  /// Whether what is known of a rank counts as of now.
  private func isFresh(_ rank: Int, _ now: Instant) -> Bool {
    rank == self.rank || covered[rank].map { .milliseconds(Int(age(of: $0, now))) <= limits.silence } ?? false
  }

  /// The wait that is given up, if any.
  private func ended(_ waits: [Wait], _ all: SubtreeReport, _ now: Instant) -> Wait? {
    let limit = Self.milliseconds(limits.stallTimeout)
    let over = waits.filter { wait in
      wait.stalled >= limit && !wait.away.isEmpty && wait.silent.allSatisfy { isLost($0, now) }
    }
    if let worst = over.max(by: { $0.weight < $1.weight }) { return worst }
    guard isEverybodyWaiting(all, now), waits.allSatisfy({ $0.stalled >= limit && $0.away.isEmpty })
    else { return nil }
    return waits.max { $0.weight < $1.weight }
  }

  /// Ranks that are silent, or were never heard, are asked on another way before anything is made of it.
  private mutating func ask(_ waits: [Wait], _ now: Instant) -> [Act] {
    var ranks: Set<Int> = []
    for wait in waits where wait.lasted >= Self.milliseconds(limits.nameAfter / 2) {
      ranks.formUnion(wait.silent.filter { asked[$0] == nil })
      guard wait.lasted >= Self.milliseconds(limits.nameAfter) else { continue }
      ranks.formUnion(wait.unknown.filter { asked[$0].map { now - $0 > limits.beat * 10 } ?? true })
    }
    let next = Array(ranks.sorted().prefix(Self.mostAsked))
    for rank in next { asked[rank] = now }
    return next.isEmpty ? [] : [.ask(next)]
  }

  /// Questions of one beat.
  private static let mostAsked = 16

  private func inCall(_ wait: Wait) -> String {
    let time = seconds(wait.lasted)
    return wait.calls.waited == nil
      ? "\(time) without any progress" : "\(time) in \(wait.calls.call) at step \(wait.calls.step)"
  }

  private func blame(_ start: String, _ wait: Wait, _ now: Instant) -> Blame {
    let silent = wait.silent.map { rank in
      "rank \(rank) on \(hosts[rank]) (silent for \(seconds(age(of: covered[rank]!, now))))"
    }
    let moving = wait.moving.map { rank in
      let mark = RankProgress.Mark(position: rank.position)
      let isAtDisk = rank.isAtDisk && rank.sign <= Self.milliseconds(limits.silence)
      let disk = isAtDisk ? "waits for its disk, " : ""
      return "rank \(rank.rank) on \(hosts[rank.rank]) (alive, \(disk)at step \(mark.step) in \(mark.phase))"
    }
    let unknown = wait.unknown.map {
      "rank \($0) on \(hosts[$0]) (never heard: something keeps its messages off)"
    }
    var names = silent + moving
    if names.isEmpty { names = unknown }
    if names.isEmpty { names = ["the network: every rank is heard and waits"] }
    let more = names.count - SubtreeReport.most
    let shown =
      names.prefix(SubtreeReport.most).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    return Blame(line: "\(start) \(shown)", ranks: wait.away)
  }

  private static func milliseconds(_ time: Duration) -> UInt32 {
    let parts = time.components
    return UInt32(clamping: parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000)
  }
}

private func seconds(_ milliseconds: UInt32) -> String {
  let tenths = milliseconds / 100
  return tenths < 100 ? "\(tenths / 10).\(tenths % 10) s" : "\(tenths / 10) s"
}
