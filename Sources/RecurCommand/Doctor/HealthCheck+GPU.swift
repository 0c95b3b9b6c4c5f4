import CUDA
import Diagnostics

extension HealthCheck {
  /// The GPUs, and NVIDIA's libraries: the file and version of those found, for the others what was tried.
  static var gpu: [HealthCheck] {
    let findings = CUDALibrary.allCases.map(\.finding)
    let hasDriver = findings.contains { $0.library == .driver && $0.path != nil }
    return [gpus(hasDriver)] + findings.map { library($0, matters: hasDriver) }
  }

  private static func gpus(_ hasDriver: Bool) -> HealthCheck {
    do {
      let gpus = try GPUDescription.all
      guard let first = gpus.first else { return HealthCheck(name: "GPU", status: .ok, detail: "none") }
      let others = gpus.count == 1 ? "" : ", and \(gpus.count - 1) more"
      return HealthCheck(
        name: "GPU", status: .ok, detail: "\(first)\(others)", values: ["count": Double(gpus.count)])
    } catch {
      return HealthCheck(
        name: "GPU", status: .ok, detail: hasDriver ? "none usable: \(error.message)" : "none usable")
    }
  }

  /// - matters: whether this machine has a driver, without which the others are not missed.
  private static func library(_ finding: CUDALibrary.Finding, matters: Bool) -> HealthCheck {
    let library = finding.library
    if let path = finding.path {
      return HealthCheck(name: library.title, status: .ok, detail: "\(finding.version ?? ""), \(path)")
    }
    return HealthCheck(
      name: library.title, status: library.isRequired && matters ? .warn : .ok,
      detail: finding.problem ?? "not found",
      advice: library.isRequired && matters
        ? "install it, or name its folder in RECUR_CUDA_PATH: training on the GPU needs it" : nil)
  }
}
