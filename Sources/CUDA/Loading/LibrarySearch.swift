import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Where NVIDIA's libraries may lie, in the order they are looked for.
///
/// First the folders `RECUR_CUDA_PATH` lists, then the system's loader, then the toolkit's and the driver's usual folders, last the
/// Python packages that bring CUDA along (PyTorch's): of `PYTHONPATH`, the active environment, and the first `python3` in `PATH`.
package struct LibrarySearch {
  /// A variable of the environment; nil where it is not set.
  let variable: (String) -> String?

  package init(
    variable: @escaping (String) -> String? = { name in getenv(name).map { String(cString: $0) } }
  ) {
    self.variable = variable
  }

  /// Files or names to try for a library known by these names, best first.
  package func candidates(_ names: [String]) -> [String] {
    let own = list("RECUR_CUDA_PATH").flatMap { folder in names.map { "\(folder)/\($0)" } }
    let patterns = systemFolders + packageFolders
    let found = patterns.flatMap { folder in names.flatMap { Paths.matching("\(folder)/\($0)") } }
    return own + names + found
  }

  private var systemFolders: [String] {
    let homes = ["CUDA_HOME", "CUDA_PATH"].compactMap(variable) + ["/usr/local/cuda"]
    return homes.flatMap { ["\($0)/lib64", "\($0)/targets/*-linux/lib"] }
      + ["/usr/local/nvidia/lib64", "/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib"]
  }

  /// Wheels for CUDA 13 share `nvidia/cu13/lib`, those for CUDA 12 have a folder each, and so have cuDNN and NCCL.
  private var packageFolders: [String] {
    let environments = (["VIRTUAL_ENV", "CONDA_PREFIX"].compactMap(variable)) + pythonPrefixes
    let packages =
      list("PYTHONPATH")
      + environments.flatMap { ["\($0)/lib/python3*/site-packages", "\($0)/lib/python3*/dist-packages"] }
    return packages.map { "\($0)/nvidia/*/lib" }
  }

  /// The prefix of the first `python3`, and of what it links to, one link at a time: an environment's own folder comes before the
  /// interpreter's it was made from.
  private var pythonPrefixes: [String] {
    let programs = list("PATH").map { folder in "\(folder)/python3" }
    guard var path = programs.first(where: { access($0, X_OK) == 0 }) else { return [] }
    var prefixes: [String] = []
    for _ in 0..<8 {
      prefixes.append(parent(parent(path)))
      guard let target = link(path) else { break }
      path = target.hasPrefix("/") ? target : "\(parent(path))/\(target)"
    }
    return prefixes
  }

  private func list(_ name: String) -> [String] {
    (variable(name) ?? "").split(separator: ":").map(String.init)
  }

  private func parent(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }

  private func link(_ path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(path, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
  }
}
