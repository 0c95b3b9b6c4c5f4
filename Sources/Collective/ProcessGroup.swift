import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The processes that train together: one alone, or those that a launcher (`mpirun`, `srun`, `recur launch`) started.
///
/// Every process makes the same calls in the same order. Arrays are of equal size on all of them.
public struct ProcessGroup {
  /// What sends the bytes.
  package let communicator: any Communicator

  package init(_ communicator: any Communicator) { self.communicator = communicator }

  /// A process on its own: every call returns at once, and MPI is not loaded.
  public init() { self.init(Solo()) }

  /// This process's number, `0..<size`.
  public var rank: Int { communicator.rank }
  /// How many processes there are.
  public var size: Int { communicator.size }
  /// This process's number among those of its machine.
  public var localRank: Int { communicator.localRank }
  /// How many processes share this machine.
  public var localSize: Int { communicator.localSize }

  /// Adds the arrays of all processes element by element; each gets the sums in place.
  /// - Throws: a `Failure` where a process can't be reached.
  public func allReduceSum(_ values: inout [Float]) throws {
    try values.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
  }

  /// The same in double precision.
  public func allReduceSum(_ values: inout [Double]) throws {
    try values.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
  }

  /// Gives every process the array of one.
  /// - Throws: a `Failure` where a process can't be reached.
  public func broadcast(_ values: inout [Float], from root: Int = 0) throws {
    try values.withUnsafeMutableBytes { try communicator.broadcast($0, from: root) }
  }

  /// Returns when every process has arrived.
  public func barrier() throws { try communicator.barrier() }

  /// The last call: leaves the group in good order. Returns when every process has arrived.
  public func finish() throws { try communicator.finish() }
}

extension ProcessGroup {
  /// The group of the launcher that started this process; a group of one where none did.
  ///
  /// Several processes never do the same work unknown to each other.
  /// - Parameters:
  ///   - solo: whether they shall: then the launcher is not looked for.
  /// - Throws: a usage `Failure` with the fix where a launcher plainly started this process as one of several, and there is no MPI in
  ///   which it meets the others.
  public static func fromEnvironment(solo: Bool = false) throws -> ProcessGroup {
    try fromEnvironment(nil, solo: solo)
  }

  /// - environment: the variables to go by; the process's own where nil.
  package static func fromEnvironment(_ environment: [String: String]?, solo: Bool = false) throws
    -> ProcessGroup
  {
    let variables = environment ?? processEnvironment()
    guard !solo, let launcher = try Launcher.detect(variables) else { return ProcessGroup() }
    // What knows no MPI need not be the parent of its processes: a container has its variables, too.
    if environment == nil, !launcher.knowsNoMPI { try RankLife.begin(variables) }
    guard launcher.size != 1 else { return ProcessGroup() }
    let isAsked = variables["RECUR_MPI"]?.isEmpty == false
    guard !launcher.interfaces.isEmpty || isAsked else {
      let those = launcher.size == nil ? "as one of several" : "that"
      throw Failure.usage("\(launcher.deed) \(those) can't find each other; \(launcher.fix)")
    }
    try prepare(variables)
    let group: MPI
    do { group = try MPI(MPILibrary.candidates(for: launcher.interfaces, variables)) } catch let failure
      as Failure where failure.kind == .unavailable
    { throw Failure.usage("\(launcher.deed), but \(failure.message); \(launcher.fix)") }
    // A launcher that tells no number of processes may have started just the first.
    let isWhole = launcher.size.map { $0 == group.size } ?? (group.size > 1 || (launcher.rank ?? 0) == 0)
    guard isWhole else {
      throw Failure.usage(
        "\(launcher.deed), but MPI joined \(group.size) of them into this group; \(launcher.fix)")
    }
    return ProcessGroup(group)
  }

  /// Where ranks are more than cores, waiting ranks must let others run: without it a message takes milliseconds.
  private static func prepare(_ environment: [String: String]) throws {
    guard let ranks = try Launcher.number("OMPI_COMM_WORLD_LOCAL_SIZE", in: environment, from: 1) else {
      return
    }
    if ranks > sysconf(Int32(_SC_NPROCESSORS_ONLN)) { setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0) }
  }
}
