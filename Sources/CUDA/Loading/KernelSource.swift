import CCUDA

/// A file of the kernels' source, as it lies in this program.
package struct KernelSource: Sendable {
  package let name: String
  package let text: String

  /// The program first, then what it includes.
  package static let all: [KernelSource] = {
    var count: Int32 = 0
    let sources = ccuda_sources(&count)
    return (0..<Int(count)).map { index in
      KernelSource(name: String(cString: sources[index].name), text: String(cString: sources[index].text))
    }
  }()

  /// - architecture: ten times the compute capability.
  static func options(architecture: Int) -> [String] {
    ["--gpu-architecture=sm_\(architecture)", "--std=c++17", "--ptxas-options=-v"]
  }
}
