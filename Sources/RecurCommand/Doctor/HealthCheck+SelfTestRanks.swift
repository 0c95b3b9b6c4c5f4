import CUDA
import Collective
import Recur

extension HealthCheck {
  /// What several ranks ask of a GPU, as far as one process can: gradients that leave layer by layer, and NCCL in a group of one.
  static func gpuRanks() throws -> [HealthCheck] {
    let gpu = try GPU.executor(localRank: Launcher.localRank(), precision: .fp32)
    let check = DeviceCheck.all[0]
    let whole = try check.gradients(on: gpu, inParts: false)
    let isSame = try (0..<3).allSatisfy { _ in try check.gradients(on: gpu, inParts: true) == whole }
    let layers = HealthCheck(
      name: "layer by layer", status: isSame ? .ok : .fail,
      detail: "\(check): gradients copied beside backward \(isSame ? "have the same bits" : "differ")")
    return [layers, try nccl(gpu, check)]
  }

  private static func nccl(_ gpu: CUDAExecutor, _ check: DeviceCheck) throws -> HealthCheck {
    guard gpu.membership != nil else {
      return HealthCheck(name: "NCCL", status: .ok, detail: "not there: ranks add up in host memory")
    }
    let alone = try check.parameters(on: gpu, steps: 4, inGroup: false)
    try gpu.join(gpu.invitation(), rank: 0, size: 1)
    let isSame = try check.parameters(on: gpu, steps: 4, inGroup: true) == alone
    return HealthCheck(
      name: "NCCL", status: isSame ? .ok : .fail,
      detail: "a group of one, in a graph: \(isSame ? "the same bits as" : "other bits than") without it")
  }
}
