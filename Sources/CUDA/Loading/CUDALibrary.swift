import CCUDA
import Diagnostics

/// A library of NVIDIA's that recur can use, found when it runs.
public enum CUDALibrary: CaseIterable, Sendable {
  case driver, compiler, products, cudnn, nccl

  /// What a person knows it as.
  public var title: String {
    switch self {
    case .driver: "CUDA driver"
    case .compiler: "NVRTC"
    case .products: "cuBLASLt"
    case .cudnn: "cuDNN"
    case .nccl: "NCCL"
    }
  }

  /// Newest first. The driver's name never changed, the others change with CUDA's major version.
  var fileNames: [String] {
    switch self {
    case .driver: ["libcuda.so.1"]
    case .compiler: ["libnvrtc.so.13", "libnvrtc.so.12"]
    case .products: ["libcublasLt.so.13", "libcublasLt.so.12"]
    case .cudnn: ["libcudnn.so.9"]
    case .nccl: ["libnccl.so.2"]
    }
  }

  /// Whether training on a GPU needs it; without cuBLASLt own products are used, the others are only looked for.
  public var isRequired: Bool { self == .driver || self == .compiler }

  private func version(_ library: DynamicLibrary) -> String {
    func decimal(_ number: Int, _ major: Int, _ minor: Int) -> String {
      "\(number / major).\(number % major / minor).\(number % minor)"
    }
    switch self {
    case .driver:
      let number = Int(ccuda_version_out(library.handle, "cuDriverGetVersion"))
      return "CUDA \(number / 1000).\(number % 1000 / 10)"
    case .compiler:
      return (try? Compiler(library)).map { "\($0.version.major).\($0.version.minor)" } ?? "unknown version"
    case .products: return decimal(Int(ccuda_version(library.handle, "cublasLtGetVersion")), 10_000, 100)
    case .cudnn: return decimal(Int(ccuda_version(library.handle, "cudnnGetVersion")), 10_000, 100)
    case .nccl: return decimal(Int(ccuda_version_out(library.handle, "ncclGetVersion")), 10_000, 100)
    }
  }

  /// What was found of a library on this machine.
  public struct Finding: Sendable {
    public let library: CUDALibrary
    /// The file; nil where it was not found.
    public let path: String?
    public let version: String?
    /// What was tried, where it was not found.
    public let problem: String?
  }

  /// Looks for the library.
  public var finding: Finding {
    do {
      let library = try DynamicLibrary(self)
      return Finding(library: self, path: library.path, version: version(library), problem: nil)
    } catch {
      return Finding(library: self, path: nil, version: nil, problem: error.message)
    }
  }
}
