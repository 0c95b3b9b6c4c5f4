/// What the trainer needs from a group of processes, and nothing more.
///
/// `Solo` is the group of one: every call returns at once. `MPI` is a group of processes; `Threaded` a group of threads in
/// one process, for tests. All ranks must make the same calls in the same order.
package protocol Communicator: AnyObject {
  /// This process's number, `0..<size`.
  var rank: Int { get }
  /// How many processes there are.
  var size: Int { get }
  /// The machine this rank runs on.
  var hostName: String { get }
  /// This rank's number among the ranks of its machine.
  var localRank: Int { get }
  /// How many ranks share this machine.
  var localSize: Int { get }
  /// What this rank is doing, for a watchdog to read; nil where nobody watches.
  var progress: RankProgress? { get set }
  /// Whether waiting must leave the processor to another thread of this rank. Any thread may set it, also during a call.
  var leavesProcessor: Bool { get set }

  /// Copies the bytes of `root` to every rank, in place.
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws
  /// Adds the buffers of all ranks element by element, in one message; every rank gets the sums, in place.
  ///
  /// - sums: counts, losses and other small values. Either buffer may be empty.
  ///
  /// The order of addition depends on the number of ranks alone: cutting the buffers in any way changes no bit.
  func allReduceSum(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>) throws
  /// The same for gradients of a fast run: the order of addition also depends on which ranks share a machine, and on the engine.
  func addGradients(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>,
    by engine: SumEngine
  ) throws
  /// Starts `broadcast` and returns; `bytes` must stay untouched until the result's `wait()` returns. Calls of one group match
  /// in their order.
  func startBroadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws -> PendingCall
  /// The parts of all ranks in rank order, on every rank. Parts may differ in length.
  func allGather(_ part: [UInt8]) throws -> [[UInt8]]
  /// Gives `outgoing[outgoingParts[r]]` to each rank r, and fills `incoming[incomingParts[r]]` with what rank r gave.
  ///
  /// Ranges count bytes and may be empty; the part a rank gives itself is copied. Nothing that is given may be filled, but
  /// that part may lie in its place already.
  func exchange(
    _ outgoing: UnsafeRawBufferPointer, _ outgoingParts: [Range<Int>],
    into incoming: UnsafeMutableRawBufferPointer, _ incomingParts: [Range<Int>]) throws
  /// Each rank r has `bytes[parts[r]]`; afterwards all of them are in place on every rank.
  ///
  /// - parts: ranges of bytes, which may be empty and don't overlap.
  func allGather(_ bytes: UnsafeMutableRawBufferPointer, _ parts: [Range<Int>]) throws
  /// Returns when every rank has arrived.
  func barrier() throws
  /// Some consecutive ranks as a group of their own, with its own calls; nil on the others. All ranks make this call.
  func part(_ members: Range<Int>) throws -> (any Communicator)?
  /// The last call: leaves the group in good order, so that any exit code may follow. Returns when every rank has arrived.
  func finish() throws
  /// Ends every rank with this exit code. `reason` is one line. Throws where ranks are no processes: then this one is to go no further.
  func abort(reason: String, code: Int32) throws -> Never
}

/// A call that has been started. See `Communicator.startBroadcast`.
package protocol PendingCall: AnyObject {
  /// Lets the call advance, and says whether it is done. Calls between products give it the processor now and then.
  func advance() throws -> Bool
  /// Returns when its result is in place.
  func wait() throws
  /// The same for a long wait that leaves the processor to others.
  /// - meanwhile: is called after each pause.
  func wait(pausing microseconds: UInt32, _ meanwhile: () throws -> Void) throws
}

/// A call that was done before anyone could wait for it.
final class FinishedCall: PendingCall {
  func advance() -> Bool { true }
  func wait() {}
  func wait(pausing microseconds: UInt32, _ meanwhile: () throws -> Void) {}
}

extension Communicator {
  package func addGradients(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>,
    by engine: SumEngine
  ) throws { try allReduceSum(values, sums) }

  package func allGather(_ bytes: UnsafeMutableRawBufferPointer, _ parts: [Range<Int>]) throws {
    guard size > 1 else { return }
    try exchange(.init(bytes), Array(repeating: parts[rank], count: size), into: bytes, parts)
  }

  package func allReduceSum(_ values: UnsafeMutableBufferPointer<Float>) throws {
    try allReduceSum(values, .init(start: nil, count: 0))
  }

  package func allReduceSum(_ values: UnsafeMutableBufferPointer<Double>) throws {
    try allReduceSum(.init(start: nil, count: 0), values)
  }

  /// Whether this rank is alone.
  package var isSolo: Bool { size == 1 }

  /// "rank 3 of 8 on node-b", for messages.
  package var place: String { "rank \(rank) of \(size) on \(hostName)" }

  /// The parts of all ranks in rank order on `root`; nil on the others.
  package func gather(_ part: [UInt8], to root: Int) throws -> [[UInt8]]? {
    let mine = rank == root
    let lengths = try allGather(part.count.bytes).map { Int(bytes: $0) }
    let offsets = lengths.runningRanges
    var all = [UInt8](repeating: 0, count: mine ? lengths.reduce(0, +) : 0)
    let outgoing = (0..<size).map { 0..<($0 == root ? part.count : 0) }
    try part.withUnsafeBytes { part in
      try all.withUnsafeMutableBytes { all in
        let incoming = mine ? offsets : (0..<size).map { _ in 0..<0 }
        try exchange(part, outgoing, into: all, incoming)
      }
    }
    return mine ? offsets.map { Array(all[$0]) } : nil
  }
}

extension Int {
  /// Eight bytes, least significant first.
  var bytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) } }

  init(bytes: [UInt8]) { self = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) } }
}

extension [Int] {
  /// Consecutive ranges of these lengths, from 0.
  var runningRanges: [Range<Int>] {
    var next = 0
    return map { length in
      defer { next += length }
      return next..<next + length
    }
  }
}
