/// Adds gradients lane by lane so that any number of ranks gives the same bits.
///
/// A global batch is cut into a fixed number of lanes; consecutive lanes belong to one rank. Each rank adds its lanes as far
/// as whole nodes of the `LaneTree` go, sends these to the owners of slices, who finish the tree and give the result to all.
/// A rank moves one vector per node it holds (one, where the number of ranks divides a power-of-two number of lanes) and
/// one slice: what a ring all-reduce moves. Where the tree over ranks is that of `RankTree`, as it is for a power of two of ranks, each of
/// which holds one node, the group's own sum has the same bits, and goes the way that is fastest for the machines.
///
///     let reduction = LaneReduction(group, into: gradients, lanes: 8)
///     for lane in reduction.lanes {
///       model.backward(batch.lane(lane), into: reduction.nextLane())
///       reduction.finishLane()
///     }
///     try reduction.sum()
///
/// A lane's sum may also come piece by piece, by `begin` and `finish`: of each range of values all lanes in their order.
package final class LaneReduction {
  package var laneCount: Int { tree.laneCount }
  /// The lanes this rank computes; empty where there are more ranks than lanes.
  package let lanes: Range<Int>

  private typealias Floats = UnsafeMutableBufferPointer<Float>
  private let group: any Communicator
  private let tree: LaneTree
  private let result: Floats
  private let sliced: SlicedSum
  private let plan: Plan

  /// Of each of `lanes`: the buffer it is computed in, and how many nodes are complete with it.
  private let places: [(level: Int, joins: Int)]
  /// The nodes in the making; those that are left at the end are what this rank can add up on its own.
  private let levels: [Floats]
  /// Values of all lanes.
  private var begun = 0
  private var arriving: PartialSums<Floats>
  private let arrived: Floats
  private var small: PartialSums<Int>

  /// - result: gets the sum; until then the first lane is computed in it. It must outlive this object.
  /// - laneCount: the same in every run that should give the same bits.
  package init(
    _ group: any Communicator, into result: UnsafeMutableBufferPointer<Float>, lanes laneCount: Int
  ) {
    self.group = group
    self.result = result
    let tree = LaneTree(laneCount: laneCount)
    self.tree = tree
    sliced = SlicedSum(group, count: result.count)
    lanes = equalPart(group.rank, of: laneCount, among: group.size)
    plan = Plan(group, tree, sliced.slices)
    arrived = .allocate(
      capacity: group.size == 1 || plan.isRankTree ? 0 : plan.nodes.count * sliced.slice.count)
    var stack = PartialSums<Void>(tree)
    places = lanes.map { lane in
      var joins = 0
      let level = stack.nodes.count
      stack.append(lane..<lane + 1, ()) { _, _ in joins += 1 }
      return (level, joins)
    }
    let top = places.map(\.level).max() ?? 0
    levels = [result] + (0..<top).map { _ in .allocate(capacity: result.count) }
    arriving = PartialSums(tree)
    small = PartialSums(tree)
  }

  deinit {
    arrived.deallocate()
    for buffer in levels.dropFirst() { buffer.deallocate() }
  }

  /// Where the sum of one of `lanes` is to be written at these values, each value of each lane once.
  package func begin(_ lane: Int, _ values: Range<Int>) -> UnsafeMutablePointer<Float> {
    begun += values.count
    return levels[places[lane - lanes.lowerBound].level].baseAddress!
  }

  /// Hands over values of a lane that were begun: of each value the lanes in their order. Different values may be handed
  /// over at the same time.
  package func finish(_ lane: Int, _ values: Range<Int>) {
    let (level, joins) = places[lane - lanes.lowerBound]
    guard joins > 0 else { return }
    // Block by block, so that a block is read from memory once for all of its sums.
    var start = values.lowerBound
    while start < values.upperBound {
      let block = start..<min(start + 4096, values.upperBound)
      let sum = UnsafeMutableBufferPointer(rebasing: levels[level][block])
      for join in 1..<joins { addInPlace(sum, .init(rebasing: levels[level - join][block])) }
      addInPlace(.init(rebasing: levels[level - joins][block]), sum)
      start = block.upperBound
    }
  }

  /// A zeroed buffer for the gradient sum of the next of `lanes`; it is this object's, until `finishLane()`.
  package func nextLane() -> UnsafeMutableBufferPointer<Float> {
    precondition(next < lanes.upperBound, "nextLane: all lanes of this rank are done")
    let buffer = UnsafeMutableBufferPointer(start: begin(next, 0..<result.count), count: result.count)
    buffer.update(repeating: 0)
    return buffer
  }

  /// Hands over the lane that `nextLane()` gave.
  package func finishLane() { finish(next - 1, 0..<result.count) }

  /// Of lanes that are handed over whole.
  private var next: Int { lanes.lowerBound + begun / max(result.count, 1) }

  /// Leaves the sum of all lanes of all ranks in `result`, on every rank, and starts over.
  package func sum() throws {
    precondition(begun == lanes.count * result.count, "sum: a lane of this rank is missing")
    begun = 0
    guard group.size > 1 else { return }
    if plan.isRankTree { return try group.allReduceSum(result) }
    try finishTree(.init(rebasing: result[sliced.slice]))
    try sliced.allGather(result)
  }

  /// The sum over all lanes of small values in double precision, in the same tree.
  ///
  /// - perLane: `width` values for each lane of the batch, lane after lane; zero for the lanes of other ranks. Afterwards its
  ///   first `width` values are the sums, on every rank, and what follows the lanes' values is summed over ranks.
  package func sum(_ perLane: UnsafeMutableBufferPointer<Double>, width: Int) throws {
    precondition(perLane.count >= tree.laneCount * width, "sum: \(width) values per lane are needed")
    // All but one of the ranks add zero to a lane's values: exact.
    try group.allReduceSum(perLane)
    small.removeAll()
    for lane in 0..<tree.laneCount {
      small.append(lane..<lane + 1, lane) { left, right in
        for i in 0..<width { perLane[left * width + i] += perLane[right * width + i] }
        return left
      }
    }
  }
}

extension LaneReduction {
  /// Collects this rank's slice of every node of every rank, one node per rank and round, and adds what is left to add.
  private func finishTree(_ slice: Floats) throws {
    for (round, parts) in plan.rounds.enumerated() {
      try group.exchange(
        parts.sends ? .init(levels[round]) : .init(start: nil, count: 0), parts.outgoing,
        into: .init(arrived), parts.incoming)
    }
    arriving.removeAll()
    for (index, lanes) in plan.nodes.enumerated() {
      let start = index * slice.count
      arriving.append(lanes, .init(rebasing: arrived[start..<start + slice.count])) { left, right in
        addInPlace(left, right)
        return left
      }
    }
    _ = slice.update(fromContentsOf: arriving.nodes[0].value)
  }

  /// Who sends which nodes where: in round k the k-th node of each rank that has one goes to the owners of its slices.
  private struct Plan {
    struct Round {
      var sends: Bool
      var outgoing: [Range<Int>]
      var incoming: [Range<Int>]
    }
    /// What arrives, in lane order: ranks own consecutive lanes.
    let nodes: [Range<Int>]
    let rounds: [Round]
    /// Whether ranks are added in the order of `RankTree`, each with one node.
    let isRankTree: Bool

    init(_ group: any Communicator, _ tree: LaneTree, _ slices: [Range<Int>]) {
      let covers = equalParts(of: tree.laneCount, among: group.size).map { tree.cover($0) }
      let firsts = covers.map(\.count).runningRanges.map(\.lowerBound)
      let places = covers.joined().map { _ in slices[group.rank].count }.runningRanges
      nodes = Array(covers.joined())
      isRankTree =
        nodes.count == group.size && tree.nodes(above: nodes) == RankTree.nodes(nodes.indices.map { [$0] })
      rounds = (0..<covers.map(\.count).max()!).map { round in
        let present = covers.map { round < $0.count }
        return Round(
          sends: present[group.rank],
          outgoing: slices.map { present[group.rank] ? $0.inBytes : 0..<0 },
          incoming: present.indices.map { present[$0] ? places[firsts[$0] + round].inBytes : 0..<0 })
      }
    }
  }
}

private func addInPlace(
  _ left: UnsafeMutableBufferPointer<Float>, _ right: UnsafeMutableBufferPointer<Float>
) {
  for i in 0..<left.count { left[i] += right[i] }
}
