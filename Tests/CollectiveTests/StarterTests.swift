import Collective
import Diagnostics
import Foundation
import TestSupport
import Testing

/// What each program that starts ranks is told.
@Suite(.tags(.mpi)) struct StarterTests {
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
    (
      Starter.hydra,
      "-f hosts -iface eth0 -genv FI_TCP_IFACE eth0 -launcher ssh -launcher-exec agent -bind-to core:1 -n 3"
    ),
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
      ($0.network, $0.agent) = (JobNetwork("eth0"), try RemoteShell("agent"))
    }
    #expect(told == "\(line) recur train 'a recipe.yaml'")
  }

  @Test func srunGetsTasks() throws {
    let line = try Self.plan(.srun) { $0.allocation = 16 }
    // The first word of a line would be an assignment without the quotation marks.
    #expect(
      line.hasPrefix("'--ntasks=16' --cpus-per-task=1 --kill-on-bad-exit=1 --cpu-bind=cores --input=none"))
  }

  @Test(
    arguments: [
      (Starter.srun, nil, "agent", nil, "leave --hostfile and --agent out"),
      (.srun, "eth0,eth1", nil, nil, "one device or range"),
      (.hydra, "10.0.0.0/24", nil, nil, "wants a device"), (.intel, "eth0,eth1", nil, nil, "wants a device"),
      (.hydra, nil, "ssh -p 22", nil, "takes a program without options"),
      (.intel, nil, nil, "someone@a slots=2\n", "someone@a: "), (.hydra, nil, nil, "::1 slots=2\n", "::1: "),
      (.prterun, "10.0.0.0/24", "ssh -p 22", "someone@a slots=2\n", nil),
      (.hydra, "eth0", "agent", "a slots=2\n", nil), (.srun, "10.0.0.0/24", nil, nil, nil),
    ] as [(Starter, String?, String?, String?, String?)])
  func whatAStarterCannotBeToldIsSaid(
    starter: Starter, network: String?, agent: String?, hostfile: String?, part: String?
  ) throws {
    var plan = LaunchPlan(command: ["recur"])
    (plan.starter, plan.network) = (starter, network.flatMap { JobNetwork($0) })
    plan.agent = try agent.map { try RemoteShell($0) }
    plan.hostfile = try hostfile.map { try Hostfile(path: LaunchPlanTests.file($0)) }
    do throws(Failure) {
      try plan.checkStarter()
      #expect(part == nil)
    } catch {
      let part = try #require(part, "\(error)")
      #expect(error.kind == .usage && error.message.contains(part), "\(error)")
    }
  }

  /// Ranks of other machines need it to tell how they end, and nobody may see its secret in a list of processes.
  @Test(arguments: [(Starter.hydra, "-genvall"), (.intel, "-genvall"), (.prterun, "-x RECUR_LAUNCH")])
  func theChannelReachesRanksOfOtherMachines(starter: Starter, words: String) throws {
    var plan = LaunchPlan(command: ["recur"])
    plan.starter = starter
    plan.hostfile = try Hostfile(path: LaunchPlanTests.file("a slots=2\n"))
    let told = ShellWords.quoted(plan.arguments(hostfilePath: "hosts", isWatched: true))
    #expect(told.contains(words))
    #expect(!ShellWords.quoted(plan.arguments(hostfilePath: "hosts")).contains(words))
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

  @Test func theScriptThatPassesNoSignalsOnIsPassedBy() {
    #expect(Starter.intel.program("/opt/mpi/bin/mpirun") == "/opt/mpi/bin/mpiexec.hydra")
    #expect(Starter.intel.program("mpirun") == "mpiexec.hydra")
    #expect(Starter.intel.program("/opt/mpirun/bin/mpiexec") == "/opt/mpirun/bin/mpiexec")
    #expect(Starter.openMPI.program("/opt/mpi/bin/mpirun") == "/opt/mpi/bin/mpirun")
  }

  /// Batch systems tell starters of other machines; a rank there is not missing.
  @Test func ranksMayBeElsewhere() throws {
    var plan = LaunchPlan(command: ["recur"])
    #expect(plan.ranksAreHere([:]))
    for name in ["SLURM_JOB_ID", "PBS_NODEFILE", "LSB_DJOB_HOSTFILE", "PE_HOSTFILE", "HYDRA_HOST_FILE"] {
      #expect(!plan.ranksAreHere([name: "x"]))
    }
    plan.starter = .srun
    #expect(!plan.ranksAreHere([:]))
    (plan.starter, plan.allocation) = (.hydra, 4)
    #expect(!plan.ranksAreHere([:]))
  }

  /// What a supervisor looks for in the environment of its ranks is what the ranks themselves know their launcher by.
  @Test(arguments: [
    (Starter.openMPI, ["OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"]),
    (.prterun, ["PMIX_RANK": "1"]),
    (.hydra, ["PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALNRANKS": "2"]), (.intel, ["PMI_RANK": "1"]),
    (.srun, ["SLURM_STEP_ID": "0", "SLURM_PROCID": "1"]),
  ])
  func ranksAreKnownByTheTableOfLaunchers(starter: Starter, environment: [String: String]) {
    #expect(starter.rank(environment) == 1)
    #expect(starter.rank([:]) == nil)
    // A batch script has a number of its own, and srun inherits it.
    #expect(starter.rank(["SLURM_PROCID": "0", "SLURM_NTASKS": "2"]) == nil)
  }
}
