import CUDA
import Collective
import Recur

extension HealthCheck {
  /// Middle sizes by clusters of blocks against the processor, where the GPU has clusters.
  static func gpuClusters() throws -> [HealthCheck] {
    try [(Precision.fp32, 1e-5), (.tf32, 1e-3), (.bf16, 2e-2)].flatMap { precision, tolerance in
      let gpu = try GPU.executor(localRank: Launcher.localRank(), precision: precision)
      let checks =
        precision == .fp32
        ? DeviceCheck.middle + DeviceCheck.large
        : [Architecture.Cell.lstm, .gru, .rnn].flatMap(DeviceCheck.middlePlain)
      return try checks.filter { Engine.cluster.can($0.plan(on: gpu)) }
        .map { try compareClusters($0, gpu, precision, tolerance) }
    }
  }

  private static func compareClusters(
    _ check: DeviceCheck, _ gpu: CUDAExecutor, _ precision: Precision, _ tolerance: Double
  ) throws -> HealthCheck {
    let steps = 2
    let result = try check.on(gpu, steps: steps, engine: .cluster)
    let repeats = try result == check.on(gpu, steps: steps, engine: .cluster)
    let difference = result.difference(from: try check.onProcessor(steps: steps))
    let shape = ClusterShape(for: check.plan(on: gpu))?.definition ?? ""
    let isRight = difference < tolerance && repeats
    return HealthCheck(
      name: "cluster \(precision)", status: isRight ? .ok : .fail,
      detail:
        "\(check), shape \(shape): relative difference \(Formatting.short(difference)) after \(steps) steps",
      advice: isRight
        ? nil
        : repeats
          ? "more than \(Formatting.short(tolerance)) on \(gpu.name)" : "a second run gave other bits",
      values: ["difference": difference, "tolerance": tolerance])
  }
}
