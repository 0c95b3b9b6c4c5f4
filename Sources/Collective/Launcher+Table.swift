import Diagnostics

/// A kind of launcher: how its processes know it, and which MPI they meet with.
struct LauncherKind: Sendable {
  /// As a person knows it.
  let name: String
  /// A process is one of its own where each of these is set; of alternatives (`A|B`) one.
  let signature: [String]
  /// Variables with this process's number and the number of processes, and the same within the machine.
  let rank: String?
  let size: [String]
  let localRank: String?
  /// Interfaces of which MPI can join its processes, likeliest first. None: it tells them nothing that an MPI understands.
  let interfaces: [MPIInterface]
  /// Variables of which one must be set for that: the way to the other processes. Empty where there always is one.
  var needs: [String] = []
  /// What to do where the processes did not find each other.
  var fix: String?

  /// Signs of PMI and PMIx, the protocols in which a resource manager tells processes of each other.
  private static let protocols = [
    "PMIX_RANK", "PMIX_NAMESPACE", "PMI_FD", "PMI_RANK", "PMI_CONTROL_PORT", "I_MPI_PMI_LIBRARY",
  ]
  private static let startOtherwise = "start with `recur launch` or mpirun"

  /// Launchers inside others come first: mpirun inside a step of Slurm is who started its processes.
  static let all = [
    LauncherKind(
      name: "mpirun", signature: ["OMPI_COMM_WORLD_SIZE"], rank: "OMPI_COMM_WORLD_RANK",
      size: ["OMPI_COMM_WORLD_SIZE"], localRank: "OMPI_COMM_WORLD_LOCAL_RANK",
      interfaces: [.openMPI, .standard, .mpich]),
    LauncherKind(
      name: "mpirun_rsh", signature: ["MV2_COMM_WORLD_SIZE"], rank: "MV2_COMM_WORLD_RANK",
      size: ["MV2_COMM_WORLD_SIZE"], localRank: "MV2_COMM_WORLD_LOCAL_RANK", interfaces: [.mpich, .standard]),
    LauncherKind(
      name: "mpirun_rsh", signature: ["MVP_COMM_WORLD_SIZE"], rank: "MVP_COMM_WORLD_RANK",
      size: ["MVP_COMM_WORLD_SIZE"], localRank: "MVP_COMM_WORLD_LOCAL_RANK", interfaces: [.mpich, .standard]),
    LauncherKind(
      name: "mpiexec", signature: ["PMI_RANK", "MPI_LOCALNRANKS"], rank: "PMI_RANK", size: ["PMI_SIZE"],
      localRank: "MPI_LOCALRANKID", interfaces: [.mpich, .standard]),
    LauncherKind(
      name: "torchrun", signature: ["TORCHELASTIC_RUN_ID", "RANK"], rank: "RANK", size: ["WORLD_SIZE"],
      localRank: "LOCAL_RANK", interfaces: [], fix: startOtherwise),
    LauncherKind(
      name: "jsrun", signature: ["JSM_NAMESPACE_RANK"], rank: "JSM_NAMESPACE_RANK",
      size: ["JSM_NAMESPACE_SIZE"], localRank: "JSM_NAMESPACE_LOCAL_RANK",
      interfaces: [.openMPI, .mpich, .standard]),
    LauncherKind(
      name: "mpiexec (PALS)", signature: ["PALS_RANKID"], rank: "PALS_RANKID",
      size: ["PMI_SIZE", "PALS_SIZE"], localRank: "PALS_LOCAL_RANKID",
      interfaces: [.mpich, .standard, .openMPI]),
    LauncherKind(
      name: "aprun", signature: ["ALPS_APP_PE"], rank: "ALPS_APP_PE", size: ["PMI_SIZE"], localRank: nil,
      interfaces: [.mpich, .standard]),
    LauncherKind(
      name: "flux run", signature: ["FLUX_TASK_RANK"], rank: "FLUX_TASK_RANK", size: ["FLUX_JOB_SIZE"],
      localRank: "FLUX_TASK_LOCAL_ID", interfaces: [.mpich, .standard, .openMPI], needs: protocols,
      fix: "start with `flux run -o pmi=simple …` (MPICH's ABI) or `-o pmi=pmix …` (Open MPI)"),
    // A batch script has SLURM_NTASKS as well, and is not a task itself: only a step counts.
    LauncherKind(
      name: "srun", signature: ["SLURM_STEP_ID|SLURM_STEPID", "SLURM_PROCID"], rank: "SLURM_PROCID",
      size: ["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"], localRank: "SLURM_LOCALID",
      interfaces: [.mpich, .standard, .openMPI], needs: protocols,
      fix:
        "start with `srun --mpi=pmix …` (Open MPI) or `srun --mpi=pmi2 …` (MPICH's ABI), or run mpirun inside the allocation"
    ),
    LauncherKind(
      name: "mpiexec_mpt", signature: ["MPT_LRANK"], rank: nil, size: ["PMI_SIZE"], localRank: "MPT_LRANK",
      interfaces: [.mpich, .standard]),
    LauncherKind(
      name: "prterun", signature: ["PMIX_RANK"], rank: "PMIX_RANK", size: [], localRank: nil,
      interfaces: [.openMPI, .mpich, .standard]),
    LauncherKind(
      name: "a PMI launcher", signature: ["PMI_RANK|PMI_SIZE"], rank: "PMI_RANK", size: ["PMI_SIZE"],
      localRank: "PMI_LOCAL_RANK", interfaces: [.mpich, .standard]),
    LauncherKind(
      name: "a launcher that sets RANK and WORLD_SIZE", signature: ["RANK", "WORLD_SIZE"], rank: "RANK",
      size: ["WORLD_SIZE"], localRank: "LOCAL_RANK", interfaces: [], fix: startOtherwise),
    LauncherKind(
      name: "an indexed Kubernetes job", signature: ["JOB_COMPLETION_INDEX"], rank: "JOB_COMPLETION_INDEX",
      size: [], localRank: nil, interfaces: [], fix: "start as an MPIJob, or with `recur launch`"),
  ]

  /// What it says in this environment; nil where it did not start this process.
  /// - Throws: a usage `Failure` where its variables hold no numbers.
  func launcher(_ environment: [String: String]) throws(Failure) -> Launcher? {
    for names in signature {
      guard try has(names.split(separator: "|").map(String.init), environment) else { return nil }
    }
    let hasWay = needs.isEmpty || needs.contains { environment[$0] != nil }
    return Launcher(
      name: name, rank: try Launcher.first(of: rank.map { [$0] } ?? [], in: environment, from: 0),
      size: try Launcher.first(of: size, in: environment, from: 1),
      interfaces: hasWay ? ordered(hasPMIx: environment["PMIX_RANK"] != nil) : [], fix: fix)
  }

  /// Whether one of these variables is set, those with numbers to a number.
  private func has(_ names: [String], _ environment: [String: String]) throws(Failure) -> Bool {
    for name in names where environment[name] != nil {
      if size.contains(name) {
        if try Launcher.number(name, in: environment, from: 1) != nil { return true }
      } else if name == rank || name == localRank {
        if try Launcher.number(name, in: environment, from: 0) != nil { return true }
      } else {
        return true
      }
    }
    return false
  }

  /// Open MPI speaks PMIx, and of other protocols only where it was built for them, which then has to be said (`RECUR_MPI`).
  private func ordered(hasPMIx: Bool) -> [MPIInterface] {
    guard interfaces.first != .openMPI, interfaces.contains(.openMPI) else { return interfaces }
    let others = interfaces.filter { $0 != .openMPI }
    return hasPMIx ? [.openMPI] + others : others
  }
}
