import Collective

/// Lanes whose sum depends on the order of addition.
package enum LaneInput {
  package static func values(lane: Int, count: Int) -> [Float] {
    (0..<count).map { i in
      let bits = UInt64(lane * 1_000_003 + i + 1) &* 0x9e37_79b9_7f4a_7c15
      return Float(Int32(truncatingIfNeeded: bits >> 32)) * (i % 3 == 0 ? 1e-3 : 1e3)
    }
  }

  /// The sum of all lanes, made whole and in pieces: the buffers of the first step are used again.
  package static func sum(_ group: any Communicator, count: Int, lanes: Int) throws -> [Float] {
    var sum = [Float](repeating: 0, count: count)
    try sum.withUnsafeMutableBufferPointer { sum in
      let reduction = LaneReduction(group, into: sum, lanes: lanes)
      for lane in reduction.lanes {
        let buffer = reduction.nextLane()
        for (i, value) in values(lane: lane, count: count).enumerated() { buffer[i] += value }
        reduction.finishLane()
      }
      try reduction.sum()
      for piece in [count / 3..<count, 0..<count / 3] {
        for lane in reduction.lanes {
          let buffer = reduction.begin(lane, piece)
          let all = values(lane: lane, count: count)
          for i in piece { buffer[i] = all[i] }
          reduction.finish(lane, piece)
        }
      }
      try reduction.sum()
    }
    return sum
  }
}
