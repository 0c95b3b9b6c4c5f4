/// What members send each other, round by round, until each of them has the sum of all. Every way adds in the order of `RankTree`, and
/// differs in how many rounds it takes and how many values it sends.
package struct SumRounds: Sendable {
  package enum SumAlgorithm: Hashable, Sendable {
    /// All values to and fro between members that are further and further apart: few rounds.
    case doubling
    /// A half, a quarter … of them, then back: twice the rounds, as few values as can be where members are a power of two.
    case halving
    /// A slice to each member, and sums of slices to all: as few values as can be, many messages.
    case direct
  }

  /// Values that are sent from where they lie, or received there or in scratch memory.
  package struct Transfer: Sendable {
    package let peer: Int
    package let range: Range<Int>
    /// Where they are put in scratch memory.
    package var scratch: Int?
  }

  package enum Addition: Sendable {
    case none
    /// Those that lie at the same place of scratch memory.
    case pair(Range<Int>)
    /// Those of all members, which lie one after the other in scratch memory; this member's own where they were.
    case all(Range<Int>)
  }

  /// All transfers go on at the same time, then values are added.
  package struct MessageRound: Sendable {
    package var sends: [Transfer] = []
    package var receives: [Transfer] = []
    package var addition = Addition.none
  }

  package let rounds: [MessageRound]

  /// - tree: of the members.
  package init(_ tree: RankTree, member: Int, count: Int, _ way: SumAlgorithm) {
    let made =
      way == .direct
      ? Self.direct(tree.size, member, count) : Self.folded(tree, member, count, halves: way == .halving)
    rounds = made.map { round in
      var round = round
      round.sends.removeAll { $0.range.isEmpty }
      round.receives.removeAll { $0.range.isEmpty }
      return round
    }
  }

  /// The way for a message of so many bytes.
  /// - isWhole: whether it can't be cut.
  package static func way(members: Int, bytes: Int, isWhole: Bool) -> SumAlgorithm {
    // Two members send as much either way.
    if isWhole || members <= 2 { return .doubling }
    // Few members: two rounds instead of four, with hardly more messages.
    if members <= 4 { return .direct }
    if members.nonzeroBitCount == 1 { return .halving }
    // Otherwise whoever is beyond a power of two would send all values twice: not where that takes longer than many messages.
    return bytes / members >= 4096 ? .direct : .halving
  }

  private static func direct(_ members: Int, _ member: Int, _ count: Int) -> [MessageRound] {
    let parts = equalParts(of: count, among: members)
    let own = parts[member]
    var (scatter, gather) = (MessageRound(), MessageRound())
    for shift in 1..<max(members, 1) {
      let (to, from) = ((member + shift) % members, (member + members - shift) % members)
      scatter.sends.append(Transfer(peer: to, range: parts[to]))
      scatter.receives.append(Transfer(peer: from, range: own, scratch: from * own.count))
      gather.sends.append(Transfer(peer: to, range: own))
      gather.receives.append(Transfer(peer: from, range: parts[from]))
    }
    scatter.addition = .all(own)
    return [scatter, gather]
  }

  /// Members beyond a power of two first give their values to their left neighbours, and get the sum at the end.
  private static func folded(_ tree: RankTree, _ member: Int, _ count: Int, halves: Bool) -> [MessageRound] {
    let all = 0..<count
    guard let place = tree.place(of: member) else {
      return [
        MessageRound(sends: [Transfer(peer: member - 1, range: all)]),
        MessageRound(receives: [Transfer(peer: member - 1, range: all)]),
      ]
    }
    let peers = (0..<tree.left.trailingZeroBitCount).map { tree.rank(at: place ^ (1 << $0)) }
    var rounds = halves ? halving(peers, place, count) : peers.map { pair($0, sent: all, kept: all) }
    if member < 2 * tree.pairs {
      let right = Transfer(peer: member + 1, range: all, scratch: 0)
      rounds.insert(MessageRound(receives: [right], addition: .pair(all)), at: 0)
      rounds.append(MessageRound(sends: [Transfer(peer: member + 1, range: all)]))
    }
    return rounds
  }

  private static func halving(_ peers: [Int], _ place: Int, _ count: Int) -> [MessageRound] {
    var (there, back) = ([MessageRound](), [MessageRound]())
    var range = 0..<count
    for (bit, peer) in peers.enumerated() {
      let middle = range.lowerBound + range.count / 2
      let halves = (range.lowerBound..<middle, middle..<range.upperBound)
      let (kept, sent) = place >> bit & 1 == 0 ? halves : (halves.1, halves.0)
      there.append(pair(peer, sent: sent, kept: kept))
      back.append(
        MessageRound(
          sends: [Transfer(peer: peer, range: kept)], receives: [Transfer(peer: peer, range: sent)]))
      range = kept
    }
    return there + back.reversed()
  }

  private static func pair(_ peer: Int, sent: Range<Int>, kept: Range<Int>) -> MessageRound {
    MessageRound(
      sends: [Transfer(peer: peer, range: sent)],
      receives: [Transfer(peer: peer, range: kept, scratch: kept.lowerBound)], addition: .pair(kept))
  }
}
