import Collective
import TestSupport
import Testing

/// The ways of a sum between machines, played through in one process: messages lie in queues until they are fetched.
@Suite(.tags(.mpi)) struct SumRoundsTests {
  private static let ways: [SumRounds.SumAlgorithm] = [.doubling, .halving, .direct]

  private static func value(_ member: Int, _ i: Int) -> Float {
    Float((i * 7919 + member * 104_729) % 10_007) * 1.3e-3 - 5
  }

  /// What each member has at the end, and how many values it sent.
  private static func play(_ members: Int, _ count: Int, _ way: SumRounds.SumAlgorithm) -> (
    results: [[Float]], sent: [Int], rounds: Int
  ) {
    let tree = RankTree(size: members)
    let plans = (0..<members).map { SumRounds(tree, member: $0, count: count, way).rounds }
    var values = (0..<members).map { member in (0..<count).map { value(member, $0) } }
    var scratch = Array(
      repeating: [Float](repeating: .nan, count: count + members), count: members)
    var queues: [[Int]: [[Float]]] = [:]
    var (at, sent) = (Array(repeating: 0, count: members), Array(repeating: 0, count: members))
    var hasSent = Array(repeating: false, count: members)
    var moves = true
    while moves {
      moves = false
      for member in 0..<members where at[member] < plans[member].count {
        let round = plans[member][at[member]]
        if !hasSent[member] {
          for send in round.sends {
            queues[[member, send.peer], default: []].append(Array(values[member][send.range]))
            sent[member] += send.range.count
          }
          (hasSent[member], moves) = (true, true)
        }
        guard round.receives.allSatisfy({ queues[[$0.peer, member]]?.isEmpty == false }) else { continue }
        for receive in round.receives {
          let message = queues[[receive.peer, member]]!.removeFirst()
          for (i, value) in message.enumerated() {
            if let start = receive.scratch {
              scratch[member][start + i] = value
            } else {
              values[member][receive.range.lowerBound + i] = value
            }
          }
          if message.count != receive.range.count { return ([], [], 0) }
        }
        add(round.addition, tree, member, &values[member], scratch[member])
        at[member] += 1
        (hasSent[member], moves) = (false, true)
      }
    }
    let isDone = at == plans.map(\.count) && queues.values.allSatisfy(\.isEmpty)
    return (isDone ? values : [], sent, plans.map(\.count).max() ?? 0)
  }

  private static func add(
    _ addition: SumRounds.Addition, _ tree: RankTree, _ member: Int, _ values: inout [Float],
    _ scratch: [Float]
  ) {
    switch addition {
    case .none: break
    case .pair(let range): for i in range { values[i] += scratch[i] }
    case .all(let range):
      let own = Array(values[range])
      var sum = own
      sum.withUnsafeMutableBufferPointer { sum in
        own.withUnsafeBufferPointer { own in
          scratch.withUnsafeBufferPointer { rows in
            guard !range.isEmpty else { return }
            tree.sum(range.count, into: sum.baseAddress!) {
              $0 == member ? own.baseAddress! : rows.baseAddress! + $0 * range.count
            }
          }
        }
      }
      values.replaceSubrange(range, with: sum)
    }
  }

  private static func expected(_ members: Int, _ count: Int) -> [Float] {
    var sum = [Float](repeating: 0, count: count)
    let parts = (0..<members).flatMap { member in (0..<count).map { value(member, $0) } }
    guard count > 0 else { return sum }
    sum.withUnsafeMutableBufferPointer { sum in
      parts.withUnsafeBufferPointer { parts in
        RankTree(size: members).sum(count, into: sum.baseAddress!) { parts.baseAddress! + $0 * count }
      }
    }
    return sum
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 23], ways) func everyWayHasTheTreesBits(
    members: Int, way: SumRounds.SumAlgorithm
  ) {
    for count in [0, 1, 2, 7, 64, 1001] {
      let played = Self.play(members, count, way)
      #expect(
        played.results == Array(repeating: Self.expected(members, count), count: members),
        "\(members) members, \(count) values")
    }
  }

  /// What is sent is what must be, and rounds are few.
  @Test func messagesAndValues() {
    let count = 1 << 12
    for members in [2, 4, 8, 16] {
      let needed = 2 * (members - 1) * count / members
      #expect(Self.play(members, count, .halving).sent.allSatisfy { $0 == needed })
      #expect(Self.play(members, count, .halving).rounds == 2 * members.trailingZeroBitCount)
      #expect(Self.play(members, count, .doubling).rounds == members.trailingZeroBitCount)
    }
    for members in [3, 5, 7, 12] {
      let needed = 2 * (members - 1) * count / members
      #expect(Self.play(members, count, .direct).sent.allSatisfy { abs($0 - needed) <= 2 * members })
    }
    // A thousand machines, 40 kB: by halves, in 20 rounds.
    #expect(SumRounds.way(members: 1000, bytes: 40_000, isWhole: false) == .halving)
    #expect(SumRounds(RankTree(size: 1000), member: 0, count: 10_000, .halving).rounds.count == 20)
    #expect(SumRounds.way(members: 12, bytes: 1 << 20, isWhole: false) == .direct)
    #expect(SumRounds.way(members: 2, bytes: 1 << 20, isWhole: false) == .doubling)
    #expect(SumRounds.way(members: 64, bytes: 1 << 20, isWhole: true) == .doubling)
  }
}

@Suite(.tags(.mpi)) struct PlacementTests {
  /// Machine by machine is the ranks' own order for equal powers of two of consecutive ranks, and where trees happen to agree.
  @Test func whereTheOrderIsKept() {
    func keeps(_ machines: [Int]) -> Bool {
      Placement(firsts: machines.indices.map { machines.firstIndex(of: machines[$0])! }).keepsRankOrder
    }
    func blocks(_ count: Int, of size: Int) -> [Int] { (0..<count * size).map { $0 / size } }
    for machines in 1...9 { for size in [1, 2, 4, 8] { #expect(keeps(blocks(machines, of: size))) } }
    for machines in 2...5 { for size in [3, 5, 6, 7] { #expect(!keeps(blocks(machines, of: size))) } }
    #expect(keeps([0, 0, 1]) && keeps([0, 0, 0, 0, 1, 1]) && keeps([1, 0, 1, 0]) == false)
    #expect(!keeps([0, 1, 1]) && !keeps([0, 0, 0, 1]) && !keeps([0, 1, 0, 1, 0, 1, 0, 1]))
    // Each machine has a node, but machines are not paired as theirs are.
    #expect(!keeps([0, 0, 0, 0, 1, 1, 2, 3]))
  }

  @Test func placesAndWords() {
    let uneven = Placement(firsts: [0, 1, 0, 1, 0])
    #expect(uneven.machines == [[0, 2, 4], [1, 3]] && uneven.words == "3 + 2 ranks")
    #expect(
      Placement(firsts: [0, 0, 2, 2]).words == "2 × 2 ranks"
        && Placement.apart(3).machines == [[0], [1], [2]])
  }
}
