/// What a sum over ranks takes by a model: the rounds that it really goes through (`SumRounds`), each with its latency and its bytes.
package struct SumCost: Sendable, Equatable {
  package enum Route: String, Sendable, CaseIterable {
    /// In memory within a machine, slices between machines.
    case hierarchical
    /// Messages from rank to rank, as if none shared a machine.
    case flat
  }

  package var way: Route
  package var seconds: Double
  /// That leave a machine.
  package var bytesPerMachine: Double

  /// - bytes: of each rank's values.
  /// - memory: seconds that a rank needs for a byte which it copies within the machine, while the others do.
  package init(
    _ way: Route, bytes: Int, machines: Int, ranksPerMachine: Int, network: NetworkCost, memory: Double
  ) {
    self.way = way
    guard machines > 1 else {
      // Given, added, and taken again.
      let isAlone = ranksPerMachine == 1
      (seconds, bytesPerMachine) = (isAlone ? 0 : 3 * Double(bytes) * memory, 0)
      return
    }
    let shape =
      way == .hierarchical
      ? SumShape(members: machines, speakers: ranksPerMachine, together: 1)
      : SumShape(members: machines * ranksPerMachine, speakers: 1, together: ranksPerMachine)
    let small = bytes <= HierarchicalSum.small
    let pieceBytes = HierarchicalSum.pieceBytes(machines: shape.members, speakers: shape.speakers)
    let pieces = small ? 1 : PieceCut.pieces(bytes, of: pieceBytes)
    let piece = shape.traffic(bytes / pieces, isWhole: small)
    let first = Double(piece.latencies) * network.latency
    let all = network.seconds(piece.bytes * Double(pieces))
    // Only so many pieces are on their way at the same time.
    let turns = Double((pieces + HierarchicalSum.turns - 1) / HierarchicalSum.turns)
    let within = ranksPerMachine > 1 && way == .hierarchical ? 3 * Double(bytes / pieces) * memory : 0
    seconds = max(first + all, turns * (first + network.seconds(piece.bytes))) + within
    bytesPerMachine = piece.bytes * Double(pieces)
  }

  /// The faster way.
  package static func best(
    bytes: Int, machines: Int, ranksPerMachine: Int, network: NetworkCost, memory: Double
  ) -> SumCost {
    Route.allCases.map {
      SumCost(
        $0, bytes: bytes, machines: machines, ranksPerMachine: ranksPerMachine, network: network,
        memory: memory)
    }.min { $0.seconds < $1.seconds }!
  }
}

/// Who takes part in a sum: members, of each of which so many send a slice, and of which so many share a machine.
private struct SumShape {
  var members: Int
  var speakers: Int
  var together: Int

  /// Latencies of a piece, one after the other, and its bytes that leave the machine which sends the most.
  func traffic(_ bytes: Int, isWhole: Bool) -> (latencies: Int, bytes: Double) {
    let tree = RankTree(size: members, adds: false)
    let speakers = isWhole ? 1 : speakers
    let count = max(1, bytes / 4 / speakers)
    let way = SumRounds.way(members: members, bytes: 4 * count, isWhole: isWhole)
    // Members beyond a power of two, and the neighbours that add for them, come first.
    let machine = (0..<together).map { SumRounds(tree, member: $0, count: count, way).rounds }
    let sent = machine.joined().map { round in
      round.sends.reduce(0) { $0 + ($1.peer >= together ? $1.range.count : 0) }
    }.reduce(0, +)
    let received = machine.joined().map { round in
      round.receives.reduce(0) { $0 + ($1.peer >= together ? $1.range.count : 0) }
    }.reduce(0, +)
    let latencies = machine.map { rounds in
      rounds.reduce(0) { sum, round in
        let longest = (round.sends + round.receives).map { 4 * $0.range.count }.max() ?? 0
        return sum + (SliceSum.isAnnounced(bytes: longest) ? 3 : 1)
      }
    }
    return (latencies.max() ?? 0, Double(4 * speakers * max(sent, received)))
  }
}
