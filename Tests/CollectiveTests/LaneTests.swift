import Collective
import CollectiveCases
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct LaneTests {
  /// Values whose sum depends on the order of addition.
  static func lane(_ lane: Int, count: Int) -> [Float] { LaneInput.values(lane: lane, count: count) }

  @Test(arguments: [1, 3, 8, 13], [1, 2, 3, 4, 5, 6, 7, 8, 11]) func sameBitsForAnyNumberOfRanks(
    lanes: Int, ranks: Int
  ) throws {
    for count in [1, 3, 1003] {
      let expected = Self.canonicalSum(0..<lanes, count: count).map(\.bitPattern)
      let sums = try Threaded.withRanks(ranks) { group in
        try LaneInput.sum(group, count: count, lanes: lanes)
      }
      for sum in sums { #expect(sum.map(\.bitPattern) == expected) }
    }
  }

  @Test func theOrderWouldMatter() {
    let count = 1003
    var plain = [Float](repeating: 0, count: count)
    for lane in 0..<8 { for (i, value) in Self.lane(lane, count: count).enumerated() { plain[i] += value } }
    #expect(plain != Self.canonicalSum(0..<8, count: count))
  }

  @Test(arguments: 1...9) func smallSumsInDoublePrecisionToo(ranks: Int) throws {
    let all: [[Double]] = [1e16, 0.1, 3, -1e16, 0.7, 5, 1e-9, 2].map { [$0, 1 / $0] }
    let results = try Threaded.withRanks(ranks) { group -> [Double] in
      var unused: [Float] = [0]
      var values = [Double](repeating: 0, count: 17)
      try unused.withUnsafeMutableBufferPointer { unused in
        let reduction = LaneReduction(group, into: unused, lanes: 8)
        for lane in reduction.lanes { values.replaceSubrange(2 * lane..<2 * lane + 2, with: all[lane]) }
        values[16] = 1
        try values.withUnsafeMutableBufferPointer { try reduction.sum($0, width: 2) }
      }
      return [values[0], values[1], values[16]]
    }
    func tree(_ range: Range<Int>, _ k: Int) -> Double {
      if range.count == 1 { return all[range.lowerBound][k] }
      let middle = (range.lowerBound + range.upperBound) / 2
      return tree(range.lowerBound..<middle, k) + tree(middle..<range.upperBound, k)
    }
    for result in results { #expect(result == [tree(0..<8, 0), tree(0..<8, 1), Double(ranks)]) }
  }

  /// The definition, written as a recursion over whole vectors.
  static func canonicalSum(_ lanes: Range<Int>, count: Int) -> [Float] {
    if lanes.count == 1 { return lane(lanes.lowerBound, count: count) }
    var half = 1
    while half * 2 < lanes.count { half *= 2 }
    let middle = lanes.lowerBound + half
    return zip(
      canonicalSum(lanes.lowerBound..<middle, count: count),
      canonicalSum(middle..<lanes.upperBound, count: count)
    ).map(+)
  }
}
