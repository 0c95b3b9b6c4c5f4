import Collective
import Diagnostics

/// What every communicator must do, run by each rank: on threads by `CollectiveTests`, over MPI by `collective-check`.
package enum CommonChecks {
  /// Returns a line for each thing that is wrong.
  package static func run(_ group: any Communicator) throws -> [String] {
    var wrong: [String] = []
    func expect(_ condition: Bool, _ what: String) {
      if !condition { wrong.append("\(group.place): \(what)") }
    }

    for root in 0..<group.size {
      for count in [0, 1, 70_001] {
        var bytes = pattern(group.rank == root ? root : 200, count)
        try bytes.withUnsafeMutableBytes { try group.broadcast($0, from: root) }
        expect(bytes == pattern(root, count), "broadcast of \(count) bytes from \(root)")
      }
    }
    for count in [0, 1, 1000, 300_001] {
      expect(try sumOfFloats(group, count) == expectedSum(group.size, count), "sum of \(count) floats")
      expect(
        try sumOfDoubles(group, count) == expectedSum(group.size, count).map(Double.init),
        "sum of \(count) doubles")
    }
    expect(try pendingSums(group), "two sums under way")
    expect(try pendingBroadcasts(group), "two broadcasts under way")
    expect(try parts(group), "parts of the group")
    let gathered = try group.allGather(pattern(group.rank, group.rank * 3))
    expect(gathered == (0..<group.size).map { pattern($0, $0 * 3) }, "allGather of unlike parts")
    expect(try exchanges(group), "exchange of unlike parts")
    try group.barrier()
    return wrong
  }

  private static func pattern(_ seed: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ seed) }
  }

  private static func expectedSum(_ size: Int, _ count: Int) -> [Float] {
    (0..<count).map { i in Float((0..<size).reduce(0) { $0 + ($1 + 1) * (i % 97) }) }
  }

  private static func sumOfFloats(_ group: any Communicator, _ count: Int) throws -> [Float] {
    var values = (0..<count).map { Float((group.rank + 1) * ($0 % 97)) }
    try values.withUnsafeMutableBufferPointer { try group.allReduceSum($0) }
    return values
  }

  private static func sumOfDoubles(_ group: any Communicator, _ count: Int) throws -> [Double] {
    var values = (0..<count).map { Double((group.rank + 1) * ($0 % 97)) }
    try values.withUnsafeMutableBufferPointer { try group.allReduceSum($0) }
    return values
  }

  private static func pendingSums(_ group: any Communicator) throws -> Bool {
    var first = [Float](repeating: Float(group.rank), count: 5000)
    var second = [Float](repeating: 1, count: 100_000)
    try first.withUnsafeMutableBufferPointer { first in
      try second.withUnsafeMutableBufferPointer { second in
        let sums = [try group.startAllReduceSum(first), try group.startAllReduceSum(second)]
        while try !sums[1].advance() {}
        for sum in sums { try sum.wait() }
      }
    }
    let ranks = group.size
    return first.allSatisfy { $0 == Float(ranks * (ranks - 1) / 2) }
      && second.allSatisfy { $0 == Float(ranks) }
  }

  /// Two in a row from the last rank, which does not wait for anyone; the others poll.
  private static func pendingBroadcasts(_ group: any Communicator) throws -> Bool {
    let root = group.size - 1
    var (first, second) = (
      pattern(group.rank == root ? 1 : 9, 10), pattern(group.rank == root ? 2 : 9, 70_001)
    )
    try first.withUnsafeMutableBytes { first in
      try second.withUnsafeMutableBytes { second in
        let calls = [
          try group.startBroadcast(first, from: root), try group.startBroadcast(second, from: root),
        ]
        if group.rank == root { try group.barrier() }
        try calls[0].wait(pausing: 100) {}
        try calls[1].wait()
        if group.rank != root { try group.barrier() }
      }
    }
    return first == pattern(1, 10) && second == pattern(2, 70_001)
  }

  /// The upper half and the first two ranks, each with sums of its own.
  private static func parts(_ group: any Communicator) throws -> Bool {
    var right = true
    for members in [group.size / 2..<group.size, 0..<min(2, group.size)] {
      let part = try group.part(members)
      right = right && (part != nil) == members.contains(group.rank)
      guard let part else { continue }
      right = right && part.size == members.count && part.rank == group.rank - members.lowerBound
      right = try right && sumOfFloats(part, 1000) == expectedSum(members.count, 1000)
    }
    return right
  }

  /// Rank r gives rank p r + 2p bytes.
  private static func exchanges(_ group: any Communicator) throws -> Bool {
    func ranges(_ lengths: [Int]) -> [Range<Int>] {
      lengths.indices.map { lengths[..<$0].reduce(0, +)..<lengths[...$0].reduce(0, +) }
    }
    let out = (0..<group.size).map { pattern(group.rank * 10 + $0, group.rank + 2 * $0) }
    let expected = (0..<group.size).map { pattern($0 * 10 + group.rank, $0 + 2 * group.rank) }
    var arrived = [UInt8](repeating: 0, count: expected.joined().count)
    try Array(out.joined()).withUnsafeBytes { all in
      try arrived.withUnsafeMutableBytes {
        try group.exchange(all, ranges(out.map(\.count)), into: $0, ranges(expected.map(\.count)))
      }
    }
    return arrived == Array(expected.joined())
  }
}
