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

  /// The program of kernels that are compiled for one shape, then what it includes; without a shape, that of all others.
  static func program(_ shape: ClusterShape?) -> [KernelSource] {
    guard shape != nil else { return all }
    return all.filter { $0.name == "cluster.cu" } + all.filter { !$0.name.hasSuffix(".cu") }
  }

  /// - architecture: ten times the compute capability.
  static func options(architecture: Int, _ shape: ClusterShape?) -> [String] {
    ["--gpu-architecture=sm_\(architecture)", "--std=c++17", "--ptxas-options=-v"]
      + (shape.map { ["--define-macro=CLUSTER_SHAPE=\($0.definition)"] } ?? [])
  }
}
