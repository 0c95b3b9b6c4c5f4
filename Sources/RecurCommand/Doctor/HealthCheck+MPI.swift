import Collective
import Foundation

extension HealthCheck {
  /// Which MPI starts ranks here, and whether its library can be used.
  static var mpi: HealthCheck {
    guard let path = SearchPath.find("mpirun") else {
      return HealthCheck(
        name: "MPI", status: .warn, detail: "mpirun is not installed: one process only",
        advice: "apt-get install openmpi-bin, or another MPI with its mpirun in PATH")
    }
    let version = output(of: path, "--version")
    guard let starter = Starter(program: path, version: { version?.joined(separator: "\n") }) else {
      return HealthCheck(
        name: "MPI", status: .warn, detail: "\(path) is of no known MPI",
        advice: "recur works with Open MPI, MPICH, Intel MPI, and libraries of MPI's standard ABI")
    }
    let file = path.withCString { realpath($0, nil) }
    defer { free(file) }
    let home = MPILibrary.home(of: file.map { String(cString: $0) } ?? path)
    do {
      let candidates = try MPILibrary.candidates(
        for: starter.interfaces, processEnvironment(), homes: home.map { [$0] } ?? [])
      let library = try MPILibrary.load(candidates)
      return HealthCheck(name: "MPI", status: .ok, detail: "\(starter.rawValue) (\(path)) with \(library)")
    } catch {
      return HealthCheck(
        name: "MPI", status: .warn, detail: "\(starter.rawValue) (\(path)), but \(error)",
        advice: "name its library in RECUR_MPI, or start with `recur launch --starter PROGRAM` of another MPI"
      )
    }
  }
}
