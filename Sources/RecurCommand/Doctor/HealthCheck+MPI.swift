import Collective

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension HealthCheck {
  private static let programs = ["mpirun", "mpiexec", "prterun", "srun"]

  /// Which MPI starts ranks here, and whether its library can be used.
  static var mpi: HealthCheck {
    guard let path = programs.lazy.compactMap({ SearchPath.find($0) }).first else {
      return warning(
        "no mpirun is installed: one process only",
        "apt-get install openmpi-bin, or another MPI with its mpirun in PATH")
    }
    let version = output(of: path, "--version")
    guard let starter = Starter(program: path, version: { version?.joined(separator: "\n") }) else {
      return warning(
        "\(path) is of no known MPI",
        "recur works with Open MPI, MPICH, Intel MPI, and libraries of MPI's standard ABI")
    }
    let name = "\(starter.rawValue) (\(path))"
    do {
      let (library, interface) = try library(of: starter, path)
      guard starter.interfaces.contains(interface) else {
        return warning(
          "\(name), but RECUR_MPI names \(library), whose ranks it does not start",
          "unset RECUR_MPI, or start with `recur launch --starter PROGRAM` of that MPI")
      }
      let option =
        path.utf8.reversed().starts(with: "/mpirun".utf8.reversed())
        ? "" : "; `recur launch --starter \(path)` starts ranks"
      return HealthCheck(name: "MPI", status: .ok, detail: "\(name) with \(library)\(option)")
    } catch {
      return warning(
        "\(name), but \(error)",
        "name its library in RECUR_MPI, or start with `recur launch --starter PROGRAM` of another MPI")
    }
  }

  /// The library beside a program, as its ranks would load it: version and interface.
  private static func library(of starter: Starter, _ program: String) throws -> (String, MPIInterface) {
    let file = program.withCString { realpath($0, nil) }
    defer { free(file) }
    let home = MPILibrary.home(of: file.map { String(cString: $0) } ?? program)
    return try MPILibrary.load(
      MPILibrary.candidates(
        for: starter.interfaces, processEnvironment(), homes: home.map { [$0] } ?? []))
  }

  private static func warning(_ detail: String, _ advice: String) -> HealthCheck {
    HealthCheck(name: "MPI", status: .warn, detail: detail, advice: advice)
  }
}
