import Collective

/// A group whose calls are counted, and whose broadcasts may arrive damaged.
final class ObservedGroup: Communicator {
  private let group: any Communicator
  private(set) var calls = 0
  /// May change what this rank got.
  var arrived: ((UnsafeMutableRawBufferPointer) -> Void)?

  init(_ group: any Communicator) { self.group = group }

  private var counted: any Communicator {
    calls += 1
    return group
  }

  var rank: Int { group.rank }
  var size: Int { group.size }
  var hostName: String { group.hostName }
  var localRank: Int { group.localRank }
  var localSize: Int { group.localSize }
  var progress: RankProgress? {
    get { group.progress }
    set { group.progress = newValue }
  }
  var leavesProcessor: Bool {
    get { group.leavesProcessor }
    set { group.leavesProcessor = newValue }
  }

  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
    try counted.broadcast(bytes, from: root)
    arrived?(bytes)
  }
  func allReduceSum(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>
  ) throws { try counted.allReduceSum(values, sums) }
  func startBroadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws -> PendingCall {
    try counted.startBroadcast(bytes, from: root)
  }
  func allGather(_ part: [UInt8]) throws -> [[UInt8]] { try counted.allGather(part) }
  func exchange(
    _ outgoing: UnsafeRawBufferPointer, _ outgoingParts: [Range<Int>],
    into incoming: UnsafeMutableRawBufferPointer, _ incomingParts: [Range<Int>]
  ) throws { try counted.exchange(outgoing, outgoingParts, into: incoming, incomingParts) }
  func barrier() throws { try counted.barrier() }
  func part(_ members: Range<Int>) throws -> (any Communicator)? { try counted.part(members) }
  func finish() throws { try counted.finish() }
  func abort(reason: String, code: Int32) throws -> Never { try group.abort(reason: reason, code: code) }
}
