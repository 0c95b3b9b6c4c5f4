import CMPI
import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The binary interfaces that MPI libraries have. Each library has one of them.
package enum MPIInterface: String, CaseIterable, Sendable {
  case openMPI = "openmpi"
  case mpich
  case standard = "abi"

  init(_ abi: cmpi_abi) {
    self = abi == CMPI_OPEN_MPI ? .openMPI : abi == CMPI_MPICH ? .mpich : .standard
  }

  /// Names of libraries that have it.
  var libraries: [String] {
    switch self {
    case .openMPI: ["libmpi.so.40", "libmpi_ibm.so.3"]
    case .mpich: ["libmpi.so.12", "libmpich.so.12", "libmpi_cray.so.12"]
    case .standard: ["libmpi_abi.so.1", "libmpi_abi.so.0"]
    }
  }
}

/// Finds the MPI library of the launcher that started this process.
package enum MPILibrary {
  /// What to try in this order: files beside the launcher's program, then names that the system's loader searches for.
  ///
  /// `RECUR_MPI` decides instead where it is set: an interface (openmpi, mpich, abi), or a library's file.
  package static func candidates(
    for interfaces: [MPIInterface], _ environment: [String: String], homes: [String]? = nil
  ) throws -> [String] {
    var interfaces = interfaces
    if let wish = environment["RECUR_MPI"], !wish.isEmpty {
      if wish.utf8.contains(UInt8(ascii: "/")) || wish.utf8.contains(UInt8(ascii: ".")) { return [wish] }
      guard let one = MPIInterface(rawValue: wish) else {
        throw Failure.usage(
          "RECUR_MPI=\(wish) is not understood; give openmpi, mpich, abi, or the path of a library")
      }
      interfaces = [one]
    }
    let homes = homes ?? launcherHomes() + namedHomes(environment)
    return interfaces.flatMap { interface in
      homes.flatMap { home in
        ["lib", "lib64", "lib/release", "lib-abi-mpich"].flatMap { folder in
          interface.libraries.map { "\(home)/\(folder)/\($0)" }
        }
      }.filter { access($0, R_OK) == 0 } + interface.libraries
    }
  }

  /// Loads the first that is there. Throws where there is none, or where it is none that can be used.
  /// - Returns: its version line, and its interface.
  @discardableResult
  package static func load(_ candidates: [String]) throws -> (version: String, interface: MPIInterface) {
    var missing: String?
    for name in candidates {
      var detail = [CChar](repeating: 0, count: 512)
      let found = cmpi_load(name, &detail, detail.count)
      let line = detail.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
      switch found {
      case CMPI_READY: return (text { cmpi_library_version($0) }, MPIInterface(cmpi_interface()))
      case CMPI_MISSING: if missing == nil { missing = line }
      case CMPI_OTHER:
        throw Failure(
          .unavailable,
          "the MPI library found is \(line), and recur needs Open MPI, an MPI of MPICH's ABI or of MPI's own (libmpi_abi); \(override)"
        )
      case CMPI_LIES:
        throw Failure(.unavailable, "the MPI library found is not what it says, \(line); \(override)")
      default:
        throw Failure(.unavailable, "the MPI library \(name) has no \(line); \(override)")
      }
    }
    throw Failure(
      .unavailable,
      "no MPI library was found (\(missing ?? "nothing to try")); install one (Debian: apt install openmpi-bin), or \(override)"
    )
  }

  private static let override = "name the right one in RECUR_MPI"

  /// Where the launcher's programs among this process's ancestors are installed. On another machine that is its agent.
  private static func launcherHomes() -> [String] {
    let programs = [
      "mpirun", "mpiexec", "mpiexec.hydra", "hydra_pmi_proxy", "orterun", "orted", "prterun", "prted", "prte",
      "mpirun_rsh", "mpispawn",
    ]
    var homes: [String] = []
    var process = getppid()
    while process > 1, homes.count < 8 {
      if let file = Machine.executablePath(of: process), let home = home(of: file, among: programs) {
        homes.append(home)
      }
      process = Machine.parent(of: process) ?? 1
    }
    return homes
  }

  /// "/opt/mpi" of "/opt/mpi/bin/mpirun".
  package static func home(of file: String, among programs: [String]? = nil) -> String? {
    let parts = file.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.count > 2, let name = parts.last else { return nil }
    guard programs?.contains(where: { $0.utf8.elementsEqual(name) }) != false else { return nil }
    return parts.dropLast(2).map { String(Substring($0)) }.joined(separator: "/")
  }

  /// Where variables of Intel MPI, Cray MPICH, Open MPI and Spectrum MPI say that they are installed.
  private static func namedHomes(_ environment: [String: String]) -> [String] {
    ["I_MPI_ROOT", "CRAY_MPICH_DIR", "OPAL_PREFIX", "MPI_ROOT"].compactMap { environment[$0] }
  }
}
