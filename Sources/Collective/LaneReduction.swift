/// Adds gradients lane by lane so that any number of ranks gives the same bits.
///
/// A global batch is cut into a fixed number of lanes; consecutive lanes belong to one rank. Each rank adds its lanes as far
/// as whole nodes of the `LaneTree` go, sends these to the owners of slices, who finish the tree and give the result to all.
/// A rank moves one vector per node it holds (one, where the number of ranks divides a power-of-two number of lanes) and
/// one slice: what a ring all-reduce moves.
///
///     let reduction = LaneReduction(group, count: layout.count, lanes: 8)
///     for lane in reduction.lanes {
///       try model.backward(batch.lane(lane), into: reduction.nextLane())
///       reduction.finishLane()
///     }
///     try reduction.sum(into: gradients)
public final class LaneReduction {
  /// The lanes this rank computes; empty where there are more ranks than lanes.
  public let lanes: Range<Int>

  private typealias Buffer = UnsafeMutableBufferPointer<Float>
  private let group: any Communicator
  private let tree: LaneTree
  private let slices: [Range<Int>]
  /// The nodes each rank sends.
  private let covers: [[Range<Int>]]
  private let count: Int

  private var own: PartialSums<Buffer>
  private let pool: Pool
  private var current: Buffer?
  private var nextIndex: Int

  /// `count` is the number of values per lane; `lanes` the number of lanes, the same in every run that should give the same bits.
  public init(_ group: any Communicator, count: Int, lanes laneCount: Int) {
    self.group = group
    self.count = count
    tree = LaneTree(laneCount: laneCount)
    slices = equalParts(of: count, among: group.size)
    let owned = equalParts(of: laneCount, among: group.size)
    covers = owned.map { [tree] in tree.cover($0) }
    lanes = owned[group.rank]
    nextIndex = lanes.lowerBound
    let pool = Pool()
    self.pool = pool
    own = PartialSums(tree) { pool.add($0, $1) }
  }

  deinit {
    if let current { pool.give(current) }
    restart()
  }

  /// A zeroed buffer for the gradient sum of the next of `lanes`; it is this object's, until `finishLane()`.
  public func nextLane() -> UnsafeMutableBufferPointer<Float> {
    precondition(current == nil && nextIndex < lanes.upperBound, "nextLane: all lanes of this rank are done")
    let buffer = pool.take(count)
    buffer.update(repeating: 0)
    current = buffer
    return buffer
  }

  /// Hands over the lane that `nextLane()` gave.
  public func finishLane() {
    guard let buffer = current else { preconditionFailure("finishLane without nextLane") }
    current = nil
    own.append(nextIndex..<nextIndex + 1, buffer)
    nextIndex += 1
  }

  /// Writes the sum of all lanes of all ranks to `result`, on every rank, and starts over.
  public func sum(into result: UnsafeMutableBufferPointer<Float>) throws {
    precondition(nextIndex == lanes.upperBound && current == nil, "sum: a lane of this rank is missing")
    precondition(result.count == count, "sum: the result has another length than a lane")
    defer { restart() }
    if group.size == 1 {
      _ = result.update(fromContentsOf: own.nodes[0].value)
    } else {
      let slice = slices[group.rank]
      let mine = UnsafeMutableBufferPointer(rebasing: result[slice])
      try finishTree(mine)
      try group.allGather(result, parts: slices)
    }
  }

  /// The sum over all lanes of small values in double precision, in the same tree.
  ///
  /// `perLane` holds `width` values for each of `lanes`, lane after lane; the result has `width` values.
  public func sum(_ perLane: [Double], width: Int) throws -> [Double] {
    precondition(perLane.count == lanes.count * width, "sum: \(width) values per lane are needed")
    let all = try group.allGather(perLane.withUnsafeBytes { Array($0) }).flatMap { $0 }
    let values = all.withUnsafeBytes { bytes in
      (0..<tree.laneCount * width).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
    }
    var sums = PartialSums<[Double]>(tree) { zip($0, $1).map(+) }
    for lane in 0..<tree.laneCount {
      sums.append(lane..<lane + 1, Array(values[lane * width..<(lane + 1) * width]))
    }
    return sums.nodes[0].value
  }
}

extension LaneReduction {
  /// Collects this rank's slice of every node of every rank, one node per rank and round, and adds what is left to add.
  private func finishTree(_ slice: Buffer) throws {
    // Ranks own consecutive lanes: by rank, then by node, is lane order.
    let nodes = covers.joined()
    let arrived = pool.take(nodes.count * slice.count)
    defer { pool.give(arrived) }
    let places = nodes.map { _ in slice.count }.runningRanges
    try collect(into: arrived, places)
    var sums = PartialSums<Buffer>(tree) { addInPlace($0, $1) }
    for (lanes, place) in zip(nodes, places) { sums.append(lanes, .init(rebasing: arrived[place])) }
    _ = slice.update(fromContentsOf: sums.nodes[0].value)
  }

  /// In round k the k-th node of each rank that has one goes to the owners of its slices.
  private func collect(into arrived: Buffer, _ places: [Range<Int>]) throws {
    let firsts = covers.map(\.count).runningRanges.map(\.lowerBound)
    for round in 0..<covers.map(\.count).max()! {
      let present = covers.map { round < $0.count }
      let mine = present[group.rank]
      try group.exchange(
        mine ? .init(own.nodes[round].value) : .init(start: nil, count: 0),
        mine ? slices.map(\.inBytes) : slices.map { _ in 0..<0 },
        into: .init(arrived),
        (0..<group.size).map { present[$0] ? places[firsts[$0] + round].inBytes : 0..<0 })
    }
  }

  private func restart() {
    for node in own.nodes { pool.give(node.value) }
    own.removeAll()
    nextIndex = lanes.lowerBound
  }
}

private func addInPlace(
  _ left: UnsafeMutableBufferPointer<Float>, _ right: UnsafeMutableBufferPointer<Float>
) -> UnsafeMutableBufferPointer<Float> {
  for i in 0..<left.count { left[i] += right[i] }
  return left
}

/// Buffers to use again: after the first step nothing is allocated.
private final class Pool {
  private var free: [Int: [UnsafeMutableBufferPointer<Float>]] = [:]

  func take(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
    if let buffer = free[count]?.popLast() { return buffer }
    let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
    buffer.initialize(repeating: 0)
    return buffer
  }

  func give(_ buffer: UnsafeMutableBufferPointer<Float>) { free[buffer.count, default: []].append(buffer) }

  func add(
    _ left: UnsafeMutableBufferPointer<Float>, _ right: UnsafeMutableBufferPointer<Float>
  ) -> UnsafeMutableBufferPointer<Float> {
    defer { give(right) }
    return addInPlace(left, right)
  }

  deinit { for buffer in free.values.joined() { buffer.deallocate() } }
}
