import CUDA
import Collective
import Recur

extension HealthCheck {
  /// Trains small networks of every kind on the GPU, with cuBLASLt's products and own ones, and compares with the processor.
  static func gpuSelfTest() throws -> [HealthCheck] {
    var checks: [HealthCheck] = []
    for products in [CUDAExecutor.ProductBackend.library, .own] {
      let gpu = try GPU.executor(localRank: Launcher.localRank(), precision: .fp32, products: products)
      checks += try sizes.flatMap { check in
        try Engine.able(check.plan(on: gpu)).map {
          try compare(check, gpu, $0, .fp32, "\(products) products", tolerance: 1e-5)
        }
      }
      checks += try [repeats(gpu, "\(products) products")]
    }
    for (precision, tolerance) in [(DevicePrecision.tf32, 1e-3), (.bf16, 2e-2)] {
      let gpu = try GPU.executor(localRank: Launcher.localRank(), precision: precision)
      checks += try (DeviceCheck.plain + DeviceCheck.middlePlain).flatMap { check in
        try Engine.able(check.plan(on: gpu)).map {
          try compare(check, gpu, $0, precision, "library products", tolerance: tolerance)
        }
      }
    }
    return checks + (try gpuRanks())
  }

  /// Small, middle and large networks.
  private static let sizes = DeviceCheck.all + DeviceCheck.middle + DeviceCheck.large

  private static func compare(
    _ check: DeviceCheck, _ gpu: CUDAExecutor, _ engine: Engine, _ precision: DevicePrecision,
    _ products: String,
    tolerance: Double
  ) throws -> HealthCheck {
    let steps = 3
    let difference = try check.on(gpu, steps: steps, engine: engine).difference(
      from: check.onProcessor(steps: steps))
    return HealthCheck(
      name: "\(engine.rawValue) \(precision) \(products)", status: difference < tolerance ? .ok : .fail,
      detail: "\(check): relative difference \(Formatting.short(difference)) after \(steps) steps",
      advice: difference < tolerance ? nil : "more than \(Formatting.short(tolerance)) on \(gpu.name)",
      values: ["difference": difference, "tolerance": tolerance])
  }

  /// The same bits from run to run, graphs included.
  private static func repeats(_ gpu: CUDAExecutor, _ products: String) throws -> HealthCheck {
    let runs = sizes.flatMap { check in Engine.able(check.plan(on: gpu)).map { (check, $0) } }
    let different = try runs.filter { check, engine in
      try check.on(gpu, steps: 4, engine: engine) != check.on(gpu, steps: 4, engine: engine)
    }
    return HealthCheck(
      name: "same bits", status: different.isEmpty ? .ok : .fail,
      detail: different.isEmpty
        ? "\(runs.count) runs repeated with \(products)"
        : "two runs differ: engine \(different[0].1.rawValue), \(different[0].0)")
  }
}
