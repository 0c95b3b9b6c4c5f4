import Collective
import Diagnostics
import Foundation
import TestSupport
import Testing

/// What each program that starts ranks is told.
@Suite struct StarterTests {
  private static func plan(_ starter: Starter, _ change: (inout LaunchPlan) throws -> Void = { _ in }) throws
    -> String
  {
    try LaunchPlanTests.plan {
      $0.starter = starter
      try change(&$0)
    }
  }

  @Test(arguments: [
    (Starter.hydra, "-bind-to core:2 -n 3"),
    (.intel, "-genv I_MPI_PIN_DOMAIN 2 -n 3"),
    (.prterun, "-n 3 --map-by slot:PE=2 --bind-to core:overload-allowed --stdin none"),
    (.openMPI, "-n 3 --map-by slot:PE=2 --bind-to core:overload-allowed --stdin none"),
  ])
  func coresAreSharedOut(starter: Starter, line: String) throws {
    #expect(try Self.plan(starter) { $0.ranks = 3 } == "\(line) recur train 'a recipe.yaml'")
  }

  @Test(arguments: [
    (Starter.hydra, "-bind-to none -n 9"), (.intel, "-genv I_MPI_PIN 0 -n 9"),
    (.prterun, "-n 9 --map-by slot:OVERSUBSCRIBE --bind-to none -x OMPI_MCA_mpi_yield_when_idle=1"),
  ])
  func moreRanksThanCoresAreNotBound(starter: Starter, start: String) throws {
    let line = try Self.plan(starter) { $0.ranks = 9 }
    #expect(line.hasPrefix(start), "\(line)")
  }

  @Test(arguments: [
    (Starter.hydra, "-f hosts -iface eth0 -launcher ssh -launcher-exec agent -bind-to core:1 -n 3"),
    (
      .prterun,
      "-n 3 --hostfile hosts --map-by slot:PE=1 --bind-to core:overload-allowed --prtemca prte_if_include eth0"
        + " -x OMPI_MCA_btl=tcp,sm,self -x OMPI_MCA_pml=ob1 -x OMPI_MCA_btl_tcp_if_include=eth0"
        + " --prtemca plm_ssh_agent agent --stdin none"
    ),
  ])
  func hostsTheirNetworkAndTheirShell(starter: Starter, line: String) throws {
    let told = try Self.plan(starter) {
      $0.hostfile = try Hostfile(path: LaunchPlanTests.file("a slots=2\nb slots=1\n"))
      ($0.network, $0.agent) = ("eth0", "agent")
    }
    #expect(told == "\(line) recur train 'a recipe.yaml'")
  }

  @Test func srunGetsTasks() throws {
    let line = try Self.plan(.srun) { $0.allocation = 16 }
    #expect(
      line.hasPrefix("--ntasks=16 --cpus-per-task=1 --kill-on-bad-exit=1 --cpu-bind=cores --input=none"))
  }

  @Test func whatAStarterCannotBeToldIsSaid() throws {
    var plan = LaunchPlan(command: ["recur"])
    (plan.starter, plan.agent) = (.srun, "agent")
    #expect(throws: Failure.self) { try plan.checkStarter() }
    (plan.starter, plan.agent, plan.network) = (.hydra, nil, "10.0.0.0/24")
    let failure = #expect(throws: Failure.self) { try plan.checkStarter() }
    #expect(failure?.kind == .usage && failure?.message.contains("wants a device") == true)
    plan.network = "eth0"
    try plan.checkStarter()
  }

  @Test(arguments: [
    ("mpirun", "mpirun (Open MPI) 4.1.4", Starter.openMPI),
    ("/opt/bin/mpiexec", "HYDRA build details:", .hydra),
    ("mpirun", "Intel(R) MPI Library for Linux* OS, Version 2021.19.0", .intel), ("srun", "", .srun),
    ("/opt/bin/prterun", "", .prterun), ("mpirun", "something else", nil),
  ])
  func programsAreKnownByWhatTheySay(program: String, version: String, expected: Starter?) {
    #expect(Starter(program: program, version: { version }) == expected)
  }

  @Test(.enabled(if: TestMPI.mpich.isThere, "PyPI's mpich is not there"))
  func aJobUnderMPICH() throws { try startsAgain(.mpich) }
  @Test(.enabled(if: TestMPI.intel.isThere, "PyPI's impi-rt is not there"))
  func aJobUnderIntelMPI() throws { try startsAgain(.intel) }

  /// The exit code of a starter is its job's: 75 is worth another try.
  private func startsAgain(_ mpi: TestMPI) throws {
    let starter = try #require(mpi.program)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let job = folder.appendingPathComponent("job").path
    let outcome = try run(
      built("collective-check"), ["launch", "2", "1", "job", job, "75", "0", "--out", folder.path],
      environment: ["CHECK_STARTER": starter, "PATH": mpi.path], limit: 200)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try String(contentsOfFile: job, encoding: .utf8).split(separator: "\n").count == 2)
  }
}
