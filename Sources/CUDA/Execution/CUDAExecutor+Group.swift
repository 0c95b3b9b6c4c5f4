import CCUDA
import Diagnostics

extension CUDAExecutor: GroupExecutor {
  /// nil where there is no NCCL, or `RECUR_CUDA_NCCL` is 0.
  public var membership: GroupMembership? {
    guard LibrarySearch().variable("RECUR_CUDA_NCCL") != "0", let nccl = try? NCCL(),
      let device = try? gpu.busAddress()
    else { return nil }
    return GroupMembership(device: device, version: Int(nccl.version))
  }

  public func invitation() throws -> [UInt8] { try NCCL().invitation() }

  public func join(_ invitation: [UInt8], rank: Int, size: Int) throws {
    try gpu.enter()
    group = try GPUGroup(NCCL(), invitation, rank: rank, size: size)
  }
}
