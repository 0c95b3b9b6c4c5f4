import Collective
import Diagnostics

/// What every communicator must do, run by each rank: on threads by `CollectiveTests`, over MPI by `collective-check`.
package enum CommonChecks {
  /// Returns a line for each thing that is wrong.
  /// - largest: the most values in a sum.
  package static func run(_ group: any Communicator, largest: Int = 1_100_003) throws -> [String] {
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
    for count in [0, 1, 1000, 300_001] where count <= largest {
      expect(try sumOfFloats(group, count) == expectedSum(group.size, count), "sum of \(count) floats")
      expect(
        try sumOfDoubles(group, count) == expectedSum(group.size, count).map(Double.init),
        "sum of \(count) doubles")
    }
    for (count, small) in [(0, 3), (1, 0), (1000, 5), (20_000, 9), (70_001, 40_000), (largest, 4)]
    where count <= largest {
      expect(try sumsTogether(group, count, small), "sum of \(count) floats and \(small) doubles")
    }
    expect(try pendingBroadcasts(group), "two broadcasts under way")
    expect(try parts(group), "parts of the group")
    let gathered = try group.allGather(pattern(group.rank, group.rank * 3))
    expect(gathered == (0..<group.size).map { pattern($0, $0 * 3) }, "allGather of unlike parts")
    expect(try exchanges(group), "exchange of unlike parts")
    expect(try partsInPlace(group), "allGather of parts in place")
    expect(try slices(group), "slices of a sum")
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

  /// Floats and doubles in one message: the bits of the tree of ranks, also where the floats are cut into two messages.
  private static func sumsTogether(_ group: any Communicator, _ count: Int, _ small: Int) throws -> Bool {
    func value(_ rank: Int, _ i: Int) -> Double { 1 / Double(1 + (i * 7919 + rank * 104_729) % 10_007) }
    var values = (0..<count).map { Float(value(group.rank, $0)) }
    var pieces = values
    var sums = (0..<small).map { value(group.rank, $0 + 5) }
    try values.withUnsafeMutableBufferPointer { values in
      try sums.withUnsafeMutableBufferPointer { try group.allReduceSum(values, $0) }
    }
    try pieces.withUnsafeMutableBufferPointer { pieces in
      let cut = count / 3
      try group.allReduceSum(.init(rebasing: pieces[cut...]))
      try group.allReduceSum(.init(rebasing: pieces[..<cut]))
    }
    let ranks = 0..<group.size
    let expected: [Float] = (0..<count).map { i in treeSum(ranks.map { Float(value($0, i)) }) }
    let expectedSums: [Double] = (0..<small).map { i in treeSum(ranks.map { value($0, i + 5) }) }
    return pieces == values && values == expected && sums == expectedSums
  }

  /// Neighbours first, from the left, as long as there are more than a power of two; then halves.
  static func treeSum<Value: FloatingPoint>(_ values: [Value]) -> Value {
    var power = 1
    while 2 * power <= values.count { power *= 2 }
    let pairs = values.count - power
    func halves(_ part: ArraySlice<Value>) -> Value {
      let middle = part.startIndex + part.count / 2
      return part.count == 1 ? part.first! : halves(part[..<middle]) + halves(part[middle...])
    }
    let folded: [Value] = (0..<pairs).map { values[2 * $0] + values[2 * $0 + 1] }
    return halves((folded + values[(2 * pairs)...])[...])
  }

  /// Two in a row from the last rank, which does not wait for anyone; the others poll.
  private static func pendingBroadcasts(_ group: any Communicator) throws -> Bool {
    let root = group.size - 1
    var (first, second) = (
      pattern(group.rank == root ? 1 : 9, 10), pattern(group.rank == root ? 2 : 9, 5_001)
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
    return first == pattern(1, 10) && second == pattern(2, 5_001)
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

  /// Rank r has 1000 r bytes, the first none.
  private static func partsInPlace(_ group: any Communicator) throws -> Bool {
    let all = (0..<group.size).map { pattern($0, 1000 * $0) }
    let ends = all.indices.map { all[...$0].joined().count }
    let parts = all.indices.map { ends[$0] - all[$0].count..<ends[$0] }
    var bytes = [UInt8](repeating: 7, count: ends.last!)
    bytes.replaceSubrange(parts[group.rank], with: all[group.rank])
    try bytes.withUnsafeMutableBytes { try group.allGather($0, parts) }
    return bytes == Array(all.joined())
  }

  /// Each rank's slice has the bits that all have of the whole sum.
  private static func slices(_ group: any Communicator) throws -> Bool {
    let count = 20_011
    var whole = (0..<count).map { 1 / Float(1 + ($0 * 7919 + group.rank * 104_729) % 10_007) }
    var sliced = whole
    try whole.withUnsafeMutableBufferPointer { try group.allReduceSum($0) }
    let sum = SlicedSum(group, count: count)
    try sliced.withUnsafeMutableBufferPointer {
      try sum.reduceScatter($0)
      try sum.allGather($0)
    }
    return sliced == whole
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
