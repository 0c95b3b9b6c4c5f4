/// The one order in which the lanes of a batch are added, for any number of ranks.
///
/// A node covers a range of lanes and is the sum of its two halves; the left half has the largest power of two of lanes that
/// leaves something for the right. Eight lanes: ((0+1)+(2+3))+((4+5)+(6+7)). Float addition gives other bits in another
/// order, so ranks may only add what one of them holds completely: whole nodes.
struct LaneTree: Sendable {
  let laneCount: Int
  /// Every inner node.
  private let inner: Set<Range<Int>>

  init(laneCount: Int) {
    precondition(laneCount > 0, "a batch has at least one lane")
    self.laneCount = laneCount
    var inner: Set<Range<Int>> = []
    var open = [0..<laneCount]
    while let node = open.popLast() {
      guard node.count > 1 else { continue }
      inner.insert(node)
      open += [Self.left(of: node), Self.left(of: node).upperBound..<node.upperBound]
    }
    self.inner = inner
  }

  private static func left(of node: Range<Int>) -> Range<Int> {
    let half = 1 << (Int.bitWidth - 1 - (node.count - 1).leadingZeroBitCount)
    return node.lowerBound..<node.lowerBound + half
  }

  /// Whether two neighbours are the halves of one node.
  func joins(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
    let node = left.lowerBound..<right.upperBound
    return left.upperBound == right.lowerBound && inner.contains(node) && Self.left(of: node) == left
  }

  /// The inner nodes above others that cover all lanes, each as the numbers of those below it.
  func nodes(above parts: [Range<Int>]) -> Set<Set<Int>> {
    Set(
      inner.compactMap { node in
        let below = parts.indices.filter { node.contains(parts[$0].lowerBound) }
        return below.count > 1 ? Set(below) : nil
      })
  }

  /// The fewest nodes that cover these lanes, in lane order: what a rank that owns them can add up on its own.
  func cover(_ lanes: Range<Int>) -> [Range<Int>] {
    func cover(_ node: Range<Int>) -> [Range<Int>] {
      if !node.overlaps(lanes) { return [] }
      if lanes.lowerBound <= node.lowerBound && node.upperBound <= lanes.upperBound { return [node] }
      let left = Self.left(of: node)
      return cover(left) + cover(left.upperBound..<node.upperBound)
    }
    return cover(0..<laneCount)
  }
}

/// Partial sums in lane order. Neighbours that are halves of one node are added as soon as both are there.
struct PartialSums<Value> {
  private let tree: LaneTree
  private(set) var nodes: [(lanes: Range<Int>, value: Value)] = []

  init(_ tree: LaneTree) { self.tree = tree }

  /// - add: adds the right value to the left one and returns the sum.
  mutating func append(_ lanes: Range<Int>, _ value: Value, add: (Value, Value) -> Value) {
    nodes.append((lanes, value))
    while nodes.count > 1, tree.joins(nodes[nodes.count - 2].lanes, nodes[nodes.count - 1].lanes) {
      let right = nodes.removeLast()
      let left = nodes.removeLast()
      nodes.append((left.lanes.lowerBound..<right.lanes.upperBound, add(left.value, right.value)))
    }
  }

  mutating func removeAll() { nodes.removeAll(keepingCapacity: true) }
}
