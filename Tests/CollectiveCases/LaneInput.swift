import Collective

/// Lanes whose sum depends on the order of addition.
package enum LaneInput {
  package static func values(lane: Int, count: Int) -> [Float] {
    (0..<count).map { i in
      let bits = UInt64(lane * 1_000_003 + i + 1) &* 0x9e37_79b9_7f4a_7c15
      return Float(Int32(truncatingIfNeeded: bits >> 32)) * (i % 3 == 0 ? 1e-3 : 1e3)
    }
  }

  /// The sum of all lanes, made twice: the buffers of the first step are used again.
  package static func sum(_ group: any Communicator, count: Int, lanes: Int) throws -> [Float] {
    var sum = [Float](repeating: 0, count: count)
    try sum.withUnsafeMutableBufferPointer { sum in
      let reduction = LaneReduction(group, into: sum, lanes: lanes)
      for _ in 0..<2 {
        for lane in reduction.lanes {
          let buffer = reduction.nextLane()
          for (i, value) in values(lane: lane, count: count).enumerated() { buffer[i] += value }
          reduction.finishLane()
        }
        try reduction.sum()
      }
    }
    return sum
  }
}
