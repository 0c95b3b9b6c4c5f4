import CCUDA
import Diagnostics

/// NCCL: sums among the GPUs of several processes, one GPU each, without the host.
package struct NCCL: @unchecked Sendable {
  // Functions of a library that stays open.
  let functions: ccuda_nccl
  private let library: DynamicLibrary

  // The library's numbers (nccl.h).
  enum Code {
    static let (float32, float64): (Int32, Int32) = (7, 8)
    static let sum: Int32 = 0
  }

  /// - Throws: `unavailable` with what was tried where there is no NCCL.
  package init() throws(Failure) {
    library = try DynamicLibrary(.nccl)
    functions = try library.functions(ccuda_load_nccl)
  }

  /// Ranks must have the same one.
  package var version: Int32 {
    var number: Int32 = 0
    return functions.ncclGetVersion(&number) == 0 ? number : 0
  }

  /// What one rank makes and all join with.
  package func invitation() throws(Failure) -> [UInt8] {
    var invitation = ccuda_nccl_id()
    try check(functions.ncclGetUniqueId(&invitation), "inviting ranks")
    return withUnsafeBytes(of: invitation) { Array($0) }
  }

  /// Throws the library's own words where `status` is not success.
  func check(_ status: Int32, _ doing: @autoclosure () -> String) throws(Failure) {
    guard status != 0 else { return }
    let words = ccuda_status_text(library.handle, "ncclGetErrorString", status).map { String(cString: $0) }
    throw Failure(
      .unavailable,
      "NCCL, \(doing()): \(words ?? "status \(status)"); NCCL_DEBUG=WARN tells more, RECUR_CUDA_NCCL=0 does without it"
    )
  }
}

/// The ranks whose GPUs add up.
final class GPUGroup {
  private let nccl: NCCL
  private let communicator: UnsafeMutableRawPointer?

  /// Returns when all ranks have joined. The GPU's context is entered.
  init(_ nccl: NCCL, _ invitation: [UInt8], rank: Int, size: Int) throws(Failure) {
    var id = ccuda_nccl_id()
    precondition(invitation.count == MemoryLayout<ccuda_nccl_id>.size)
    withUnsafeMutableBytes(of: &id) { $0.copyBytes(from: invitation) }
    var communicator: UnsafeMutableRawPointer?
    try nccl.check(
      nccl.functions.ncclCommInitRank(&communicator, Int32(size), id, Int32(rank)),
      "joining rank \(rank) of \(size)")
    self.nccl = nccl
    self.communicator = communicator
  }

  deinit { _ = nccl.functions.ncclCommDestroy(communicator) }

  /// Adds up all ranks' numbers in place, in one call.
  func sum(
    _ sums: [StepProgram.Sum], _ address: (StepProgram.Region) -> ccuda_address,
    _ stream: UnsafeMutableRawPointer
  ) throws(Failure) {
    let f = nccl.functions
    try nccl.check(f.ncclGroupStart(), "beginning a sum")
    for sum in sums {
      let place = UnsafeMutableRawPointer(bitPattern: UInt(address(sum.region)))!
      let type = sum.kind == .float ? NCCL.Code.float32 : NCCL.Code.float64
      try nccl.check(
        f.ncclAllReduce(place, place, sum.count, type, NCCL.Code.sum, communicator, stream), "adding up")
    }
    try nccl.check(f.ncclGroupEnd(), "adding up")
  }
}
