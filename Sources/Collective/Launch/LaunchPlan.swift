import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How mpirun is called for a job: what a person would have to know, decided here and printed.
package struct LaunchPlan: Equatable, Sendable {
  /// Ranks of the job; nil for one per core of this machine, or one per slot of the hostfile or allocation.
  package var ranks: Int?
  package var hostfile: Hostfile?
  /// Threads of each rank; nil for an equal share of this machine's cores.
  package var threads: Int?
  /// A network device or address range such as `eth0` or `10.0.0.0/24`: the job then uses TCP over it and nothing else.
  package var network: JobNetwork?
  /// What kind of program starts the ranks.
  package var starter = Starter.openMPI
  /// Whether ranks get cores of their own; without, the system shares them out, as several jobs of one machine need it.
  package var bindsRanks = true
  /// A program used in place of ssh.
  package var agent: RemoteShell?
  /// The command line every rank runs; the program first.
  package var command: [String]

  /// This machine's cores, and whether this is the superuser. Variables for the tests.
  package var cores = Machine.usableCores()
  package var isRoot = geteuid() == 0
  /// Tasks of a Slurm allocation: mpirun finds its machines itself.
  package var allocation: Int?

  package init(command: [String]) { self.command = command }

  /// The tasks of the Slurm allocation this process runs in; nil outside of one.
  package static func allocation(_ environment: [String: String] = processEnvironment()) throws -> Int? {
    guard environment["SLURM_JOB_ID"] != nil else { return nil }
    return try Launcher.number("SLURM_NTASKS", in: environment, from: 1)
  }

  package var rankCount: Int { ranks ?? hostfile?.slots ?? allocation ?? cores }
  private var isLocal: Bool { hostfile == nil && allocation == nil }

  /// Never more runnable threads than cores, as far as this machine can tell.
  package var threadsPerRank: Int {
    if let threads { return threads }
    return isLocal ? max(1, cores / rankCount) : 1
  }

  /// The starter's arguments.
  /// - hostfilePath: where the hostfile lies, perhaps a shorter one than was given.
  /// - isWatched: whether ranks of other machines get what a supervisor left for them in the environment; those of this one do anyway.
  package func arguments(hostfilePath: String?, isWatched: Bool = false) -> [String] {
    let slots = hostfile?.slots ?? allocation ?? cores
    let fits = bindsRanks && (rankCount * threadsPerRank <= slots || !isLocal)
    if starter != .openMPI {
      return otherArguments(
        hostfilePath: hostfilePath, isWatched: isWatched, fits: fits && rankCount <= slots)
    }
    var line = isRoot ? ["--allow-run-as-root"] : []
    line += ["-n", "\(rankCount)"]
    if let hostfilePath { line += ["--hostfile", hostfilePath] }
    if rankCount > slots { line.append("--oversubscribe") }
    // One core per thread where they are enough; otherwise the system shares them out better than a fixed place would.
    line +=
      fits && rankCount <= slots
      ? ["--map-by", "slot:PE=\(threadsPerRank)", "--bind-to", "core:overload-allowed"]
      : ["--bind-to", "none"]
    // A waiting rank that spins takes the core of one that computes: milliseconds a message instead of microseconds. Where
    // every rank has a core of its own it is the other way round: a rank that yields gives its turn to some stranger.
    if !isLocal || rankCount * threadsPerRank > cores { line += ["--mca", "mpi_yield_when_idle", "1"] }
    if let network {
      line += ["--mca", "pml", "ob1", "--mca", "btl", "tcp,vader,self"]
      line += ["--mca", "btl_tcp_if_include", network.text, "--mca", "oob_tcp_if_include", network.text]
    }
    if let agent { line += ["--mca", "plm_rsh_agent", agent.line] }
    if isWatched, hostfile != nil { line += ["-x", JobChannel.variable] }
    return line + ["--stdin", "none"] + command
  }
}

extension LaunchPlan {
  /// Variables in which batch systems and people name the machines of a job to its starter.
  private static let machineLists = [
    "SLURM_JOB_ID", "PBS_NODEFILE", "LSB_DJOB_HOSTFILE", "LSB_MCPU_HOSTS", "PE_HOSTFILE", "COBALT_NODEFILE",
    "FLUX_JOB_ID", "HYDRA_HOST_FILE", "I_MPI_HYDRA_HOST_FILE",
  ]

  /// Whether no rank can be on another machine: then one that has no process here is missing.
  package func ranksAreHere(_ environment: [String: String] = processEnvironment()) -> Bool {
    isLocal && starter != .srun && Self.machineLists.allSatisfy { environment[$0] == nil }
  }

  /// Where ranks of other machines reach this one; none where this machine has ranks: they learn of any failure too.
  func addressesForRanks() -> [IPAddress] {
    let hosts = hostfile?.hosts.map(\.name) ?? []
    if hosts.isEmpty || hosts.contains(where: Machine.isThis) { return [] }
    if let network {
      return LocalAddress.ofMachine().filter { network.contains($0) }.prefix(4).map(\.address)
    }
    // A few hosts tell enough: they are reached over one network.
    let sources = hosts.prefix(4).compactMap { IPAddress.resolve($0)?.source }
    return Array(Set(sources)).sorted()
  }
}

extension LaunchPlan {
  /// The command for another try: from the newest valid checkpoint, and never over the run that holds it.
  package func resuming() -> LaunchPlan {
    var plan = self
    var words: [String] = []
    var skip = false
    for word in command {
      if skip {
        skip = false
        continue
      }
      if word == "--resume" {
        skip = true
        continue
      }
      if word == "--overwrite" || word.hasPrefix("--resume=") { continue }
      words.append(word)
    }
    plan.command = words + ["--resume", "auto"]
    return plan
  }

  /// Whether the trainer was told where its run is kept: without that, another try can't find the checkpoint.
  package var namesRun: Bool { command.contains { $0 == "--out" || $0.hasPrefix("--out=") } }
}
