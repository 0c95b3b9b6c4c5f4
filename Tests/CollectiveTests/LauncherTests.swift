import Collective
import Diagnostics
import Testing

@Suite struct LauncherTests {
  @Test(
    arguments: [
      ([:], nil),
      (["SLURM_NTASKS": "4", "SLURM_PROCID": "0"], nil),
      (["OMPI_COMM_WORLD_SIZE": "4", "PMIX_RANK": "1"], Launcher(name: "mpirun", size: 4, canJoin: true)),
      // mpirun inside a Slurm step: mpirun is who started it.
      (
        [
          "OMPI_COMM_WORLD_SIZE": "8", "SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2",
        ],
        Launcher(name: "mpirun", size: 8, canJoin: true)
      ),
      (
        ["SLURM_STEP_ID": "0", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2", "PMIX_RANK": "1"],
        Launcher(name: "srun", size: 2, canJoin: true)
      ),
      (
        ["SLURM_STEP_ID": "0", "SLURM_PROCID": "1", "SLURM_NTASKS": "2"],
        Launcher(name: "srun", size: 2, canJoin: false)
      ),
      (
        ["PMI_SIZE": "3", "PMI_RANK": "0"],
        Launcher(name: "a PMI launcher (MPICH, Intel MPI)", size: 3, canJoin: false)
      ),
      (["PMIX_RANK": "0"], Launcher(name: "a PMIx launcher", size: nil, canJoin: true)),
    ] as [([String: String], Launcher?)])
  func detects(environment: [String: String], expected: Launcher?) throws {
    #expect(try Launcher.detect(environment) == expected)
  }

  /// A variable is as little to be trusted as a file.
  @Test(arguments: ["", "-3", "0", "+2", "2 ", "two", "9999999999999999999999", "2\u{301}"])
  func whatIsNoNumberOfProcessesIsNamed(text: String) {
    for key in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] {
      let failure = #expect(throws: Failure.self) { try Launcher.detect([key: text]) }
      #expect(failure?.kind == .usage && failure?.message.hasPrefix("\(key) is ") == true)
    }
    #expect(throws: Failure.self) { try LaunchPlan.allocation(["SLURM_JOB_ID": "7", "SLURM_NTASKS": text]) }
    if text != "0" {
      #expect(throws: Failure.self) { try Launcher.localRank(["OMPI_COMM_WORLD_LOCAL_RANK": text]) }
    }
  }

  @Test func anAllocationHasItsTasks() throws {
    #expect(try LaunchPlan.allocation(["SLURM_JOB_ID": "7", "SLURM_NTASKS": "16"]) == 16)
    #expect(try LaunchPlan.allocation(["SLURM_NTASKS": "16"]) == nil)
  }

  @Test(arguments: [[:], ["OMPI_COMM_WORLD_SIZE": "1"]])
  func oneProcessIsSolo(environment: [String: String]) throws {
    #expect(try Communicators.fromEnvironment(environment) is Solo)
  }

  @Test func tasksThatCannotFindEachOtherAreRefusedWithTheFix() {
    let failure = #expect(throws: Failure.self) {
      try Communicators.fromEnvironment([
        "SLURM_STEP_ID": "0", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2",
      ])
    }
    #expect(failure?.kind == .usage)
    #expect(failure?.message.contains("srun --mpi=pmix") == true)
  }
}
