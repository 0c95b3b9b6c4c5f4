import CUDA
import Collective
import Recur

extension HealthCheck {
  /// Trains small networks of every kind on the GPU, with cuBLASLt's products and own ones, and compares with the processor.
  static func gpuSelfTest() throws -> [HealthCheck] {
    var checks: [HealthCheck] = []
    for products in [CUDAExecutor.Products.library, .own] {
      let gpu = try GPU.executor(localRank: Launcher.localRank(), precision: .fp32, products: products)
      checks += try DeviceCheck.all.map {
        try compare($0, gpu, .fp32, "\(products) products", tolerance: 1e-5)
      }
      checks += try [repeats(gpu, "\(products) products")]
    }
    for (precision, tolerance) in [(Precision.tf32, 1e-3), (.bf16, 2e-2)] {
      let gpu = try GPU.executor(localRank: Launcher.localRank(), precision: precision)
      checks += try DeviceCheck.plain.map {
        try compare($0, gpu, precision, "library products", tolerance: tolerance)
      }
    }
    return checks + (try gpuClusters()) + (try gpuRanks())
  }

  private static func compare(
    _ check: DeviceCheck, _ gpu: CUDAExecutor, _ precision: Precision, _ products: String, tolerance: Double
  ) throws -> HealthCheck {
    let steps = 3
    let difference = try check.on(gpu, steps: steps).difference(from: check.onProcessor(steps: steps))
    return HealthCheck(
      name: "\(precision) \(products)", status: difference < tolerance ? .ok : .fail,
      detail: "\(check): relative difference \(Formatting.short(difference)) after \(steps) steps",
      advice: difference < tolerance ? nil : "more than \(Formatting.short(tolerance)) on \(gpu.name)",
      values: ["difference": difference, "tolerance": tolerance])
  }

  /// The same bits from run to run, graphs included.
  private static func repeats(_ gpu: CUDAExecutor, _ products: String) throws -> HealthCheck {
    let different = try DeviceCheck.all.filter { try $0.on(gpu, steps: 4) != $0.on(gpu, steps: 4) }
    return HealthCheck(
      name: "same bits", status: different.isEmpty ? .ok : .fail,
      detail: different.isEmpty
        ? "\(DeviceCheck.all.count) runs repeated with \(products)" : "two runs differ: \(different[0])")
  }
}
