import Collective

/// Lanes whose sum depends on the order of addition.
package enum LaneInput {
  package static func values(lane: Int, count: Int) -> [Float] {
    (0..<count).map { i in
      let bits = UInt64(lane * 1_000_003 + i + 1) &* 0x9e37_79b9_7f4a_7c15
      return Float(Int32(truncatingIfNeeded: bits >> 32)) * (i % 3 == 0 ? 1e-3 : 1e3)
    }
  }

  /// One step: every owned lane is filled and the sum made.
  package static func reduce(_ reduction: LaneReduction, count: Int) throws -> [Float] {
    for lane in reduction.lanes {
      let buffer = reduction.nextLane()
      for (i, value) in values(lane: lane, count: count).enumerated() { buffer[i] += value }
      reduction.finishLane()
    }
    var sum = [Float](repeating: 0, count: count)
    try sum.withUnsafeMutableBufferPointer { try reduction.sum(into: $0) }
    return sum
  }
}
