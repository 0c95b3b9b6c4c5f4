import Collective
import Diagnostics
import Foundation
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct LauncherTests {
  private static let step = ["SLURM_STEP_ID": "0", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2"]

  @Test(
    arguments: [
      ([:], nil, nil, []),
      // A batch script is no task.
      (["SLURM_NTASKS": "4", "SLURM_PROCID": "0"], nil, nil, []),
      (["OMPI_COMM_WORLD_SIZE": "4", "PMIX_RANK": "1"], "mpirun", 4, [.openMPI, .standard, .mpich]),
      // mpirun inside a Slurm step: mpirun is who started it.
      (step.merging(["OMPI_COMM_WORLD_SIZE": "8"]) { $1 }, "mpirun", 8, [.openMPI, .standard, .mpich]),
      (step.merging(["PMIX_RANK": "1"]) { $1 }, "srun", 2, [.openMPI, .mpich, .standard]),
      (step.merging(["PMI_FD": "9"]) { $1 }, "srun", 2, [.mpich, .standard]),
      (["SLURM_STEPID": "0", "SLURM_PROCID": "1", "SLURM_NTASKS": "2"], "srun", 2, []),
      (
        step.merging(["PMI_RANK": "0", "PMI_SIZE": "4", "MPI_LOCALNRANKS": "2"]) { $1 }, "mpiexec", 4,
        [.mpich, .standard]
      ),
      (["PMI_SIZE": "3", "PMI_RANK": "0"], "a PMI launcher", 3, [.mpich, .standard]),
      (["PMIX_RANK": "0"], "prterun", nil, [.openMPI, .mpich, .standard]),
      (["MV2_COMM_WORLD_SIZE": "2", "MV2_COMM_WORLD_RANK": "0"], "mpirun_rsh", 2, [.mpich, .standard]),
      (["JSM_NAMESPACE_RANK": "0", "JSM_NAMESPACE_SIZE": "6"], "jsrun", 6, [.openMPI, .mpich, .standard]),
      (["PALS_RANKID": "0", "PMI_SIZE": "5"], "mpiexec (PALS)", 5, [.mpich, .standard]),
      (["ALPS_APP_PE": "3"], "aprun", nil, [.mpich, .standard]),
      (["FLUX_TASK_RANK": "0", "FLUX_JOB_SIZE": "2", "PMI_FD": "4"], "flux run", 2, [.mpich, .standard]),
      (["FLUX_TASK_RANK": "0", "FLUX_JOB_SIZE": "2"], "flux run", 2, []),
      (["MPT_LRANK": "0"], "mpiexec_mpt", nil, [.mpich, .standard]),
      (["TORCHELASTIC_RUN_ID": "none", "RANK": "0", "WORLD_SIZE": "4"], "torchrun", 4, []),
      (["RANK": "0", "WORLD_SIZE": "4"], "a launcher that sets RANK and WORLD_SIZE", 4, []),
      (["RANK": "captain", "WORLD_SIZE": "4"], nil, nil, []),
      (["JOB_COMPLETION_INDEX": "0"], "an indexed Kubernetes job", nil, []),
      // A step of one task in which torchrun starts several.
      (
        ["OMPI_COMM_WORLD_SIZE": "1", "TORCHELASTIC_RUN_ID": "none", "RANK": "0", "WORLD_SIZE": "4"],
        "torchrun",
        4, []
      ),
    ] as [([String: String], String?, Int?, [MPIInterface])])
  func detects(environment: [String: String], name: String?, size: Int?, interfaces: [MPIInterface]) throws {
    let launcher = try Launcher.detect(environment)
    #expect(launcher?.name == name && launcher?.size == size)
    #expect(launcher?.interfaces ?? [] == interfaces)
  }

  @Test func theLibraryIsTheLaunchers() throws {
    func first(_ environment: [String: String]) throws -> String? {
      try MPILibrary.candidates(for: [.mpich, .standard], environment, homes: []).first
    }
    #expect(try first([:]) == "libmpi.so.12")
    #expect(try first(["RECUR_MPI": "abi"]) == "libmpi_abi.so.1")
    #expect(try first(["RECUR_MPI": "openmpi"]) == "libmpi.so.40")
    #expect(try first(["RECUR_MPI": "/opt/mpi/lib/libmpi.so"]) == "/opt/mpi/lib/libmpi.so")
    #expect(throws: Failure.self) { try first(["RECUR_MPI": "mvapich"]) }
    #expect(MPILibrary.home(of: "/opt/mpi/bin/mpirun") == "/opt/mpi")
    let home = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: home) }
    try FileManager.default.createDirectory(
      at: home.appendingPathComponent("lib"), withIntermediateDirectories: true)
    let library = home.appendingPathComponent("lib/libmpi_abi.so.1").path
    #expect(FileManager.default.createFile(atPath: library, contents: nil))
    let found = try MPILibrary.candidates(for: [.mpich, .standard], [:], homes: [home.path])
    #expect(found.filter { $0.hasPrefix("/") } == [library])
    #expect(found.first == "libmpi.so.12")
  }

  @Test func theLocalRankIsFoundUnderEveryLauncher() throws {
    for name in ["OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID", "MPI_LOCALRANKID", "FLUX_TASK_LOCAL_ID"] {
      #expect(try Launcher.localRank([name: "3"]) == 3)
    }
    #expect(try Launcher.localRank([:]) == 0)
  }

  /// A variable is as little to be trusted as a file.
  @Test(arguments: ["", "-3", "0", "+2", "2 ", "two", "9999999999999999999999", "2\u{301}"])
  func whatIsNoNumberOfProcessesIsNamed(text: String) throws {
    for key in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] {
      let failure = #expect(throws: Failure.self) { try Launcher.detect([key: text]) }
      #expect(failure?.kind == .usage && failure?.message.hasPrefix("\(key) is ") == true)
    }
    #expect(throws: Failure.self) { try LaunchPlan.allocation(["SLURM_JOB_ID": "7", "SLURM_NTASKS": text]) }
    // Other programs use these names as well.
    #expect(try Launcher.detect(["RANK": "0", "WORLD_SIZE": text]) == nil)
    if text != "0" {
      #expect(try Launcher.localRank(["LOCAL_RANK": text]) == 0)
      #expect(throws: Failure.self) { try Launcher.localRank(["OMPI_COMM_WORLD_LOCAL_RANK": text]) }
    }
  }

  @Test func anAllocationHasItsTasks() throws {
    #expect(try LaunchPlan.allocation(["SLURM_JOB_ID": "7", "SLURM_NTASKS": "16"]) == 16)
    #expect(try LaunchPlan.allocation(["SLURM_NTASKS": "16"]) == nil)
  }

  @Test(arguments: [[:], ["OMPI_COMM_WORLD_SIZE": "1"]])
  func oneProcessIsSolo(environment: [String: String]) throws {
    #expect(try ProcessGroup.fromEnvironment(environment).communicator is Solo)
  }

  @Test func tasksThatCannotFindEachOtherAreRefusedWithTheFix() {
    let failure = #expect(throws: Failure.self) {
      try ProcessGroup.fromEnvironment([
        "SLURM_STEP_ID": "0", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2",
      ])
    }
    #expect(failure?.kind == .usage)
    #expect(failure?.message.contains("srun --mpi=pmix") == true)
  }
}
