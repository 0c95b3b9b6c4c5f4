/// What the trainer needs from a group of processes, and nothing more.
///
/// `Solo` is the group of one: every call returns at once. `MPI` is a group of processes; `Threaded` a group of threads in
/// one process, for tests. All ranks must make the same calls in the same order.
public protocol Communicator: AnyObject {
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

  /// Copies the bytes of `root` to every rank, in place.
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws
  /// Adds the buffers of all ranks element by element; every rank gets the sum, in place.
  func allReduceSum(_ values: UnsafeMutableBufferPointer<Float>) throws
  /// The same for counts, losses and other small values in double precision.
  func allReduceSum(_ values: UnsafeMutableBufferPointer<Double>) throws
  /// The parts of all ranks in rank order, on every rank. Parts may differ in length.
  func allGather(_ part: [UInt8]) throws -> [[UInt8]]
  /// Returns when every rank has arrived.
  func barrier() throws
  /// Ends every rank with this exit code. `reason` is one line.
  func abort(reason: String, code: Int32) -> Never
}
