/// A device's memory and what runs programs in it. Used from one thread at a time.
///
/// The CUDA executor is one; the tests have another that runs the same kernels on the processor.
public protocol Executor: AnyObject {
  /// For people: the GPU's name.
  var name: String { get }
  /// What the factors of its matrix products are rounded to.
  var precision: DevicePrecision { get }
  /// What engines ask about it.
  var traits: DeviceTraits { get }
  /// Takes memory for the buffers, zeroed; what was there before is given back.
  func allocate(_ buffers: [StepProgram.Buffer]) throws
  /// Copies host memory into a buffer, in order with what runs. The source may be changed afterwards.
  func write(_ bytes: UnsafeRawBufferPointer, to region: StepProgram.Region) throws
  /// Copies from a buffer, after everything before it has run.
  func read(_ region: StepProgram.Region, into bytes: UnsafeMutableRawBufferPointer) throws
  /// Memory of the host for `startRead` and `startWrite`.
  func hostMemory(_ bytes: Int) throws -> HostMemory
  /// Starts to copy from a buffer what is there when everything before has run; what is run next need not wait for it, but must
  /// leave that place alone until `finishRead`.
  /// - bytes: of `hostMemory`.
  /// - Returns: a number for `finishRead`.
  func startRead(_ region: StepProgram.Region, into bytes: UnsafeMutableRawBufferPointer) throws -> Int
  /// Returns when that copy is done.
  func finishRead(_ read: Int) throws
  /// Copies into a buffer, in order with what runs.
  /// - bytes: of `hostMemory`; they must stay as they are until what runs next has been waited for.
  func startWrite(_ bytes: UnsafeRawBufferPointer, to region: StepProgram.Region) throws
  /// Runs operations one after another; may return before they have run.
  /// - key: names the list: equal keys come with equal operations.
  func run(_ operations: [StepProgram.Operation], key: ProgramKey) throws
}

/// Which part of which program a list of operations is.
public struct ProgramKey: Hashable, Sendable {
  public enum Stage: Hashable, Sendable {
    /// begin, compute and update of a step of one rank and one micro-batch.
    case step
    /// The same, and load before compute.
    case residentStep
    case begin, load, compute, update, evaluate
    /// update after sums over ranks.
    case updateOfRanks
    /// One of the parts of compute.
    case part(Int)
  }
  public let part: Stage
  public let batch: Int
  /// 0 where there is one program for all.
  public let steps: Int

  public init(_ part: Stage, batch: Int, steps: Int = 0) {
    self.part = part
    self.batch = batch
    self.steps = steps
  }
}
