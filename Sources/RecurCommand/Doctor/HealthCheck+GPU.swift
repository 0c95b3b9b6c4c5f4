import CUDA
import Diagnostics

extension HealthCheck {
  /// The GPUs, and NVIDIA's libraries: those found, and where there is a driver also those missing, with what was tried.
  static var gpu: [HealthCheck] {
    let findings = CUDALibrary.allCases.map(\.finding)
    let hasDriver = findings.contains { $0.library == .driver && $0.path != nil }
    return [gpus(findings)] + findings.filter { hasDriver || $0.path != nil }.map(library)
  }

  private static func gpus(_ findings: [CUDALibrary.Finding]) -> HealthCheck {
    do {
      let gpus = try GPUDescription.all
      guard let first = gpus.first else { return HealthCheck(name: "GPU", status: .ok, detail: "none") }
      let others = gpus.count == 1 ? "" : ", and \(gpus.count - 1) more"
      return HealthCheck(
        name: "GPU", status: .ok, detail: "\(first)\(others)", values: ["count": Double(gpus.count)])
    } catch {
      return HealthCheck(name: "GPU", status: .ok, detail: "none usable: \(error.message)")
    }
  }

  private static func library(_ finding: CUDALibrary.Finding) -> HealthCheck {
    let library = finding.library
    if let path = finding.path {
      return HealthCheck(name: library.title, status: .ok, detail: "\(finding.version ?? ""), \(path)")
    }
    return HealthCheck(
      name: library.title, status: library.isRequired ? .warn : .ok, detail: finding.problem ?? "not found",
      advice: library.isRequired
        ? "install it, or name its folder in RECUR_CUDA_PATH: training on the GPU needs it" : nil)
  }
}
