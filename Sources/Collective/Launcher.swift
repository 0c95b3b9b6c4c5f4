import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the environment says about who started this process, before MPI is asked.
package struct Launcher: Equatable, Sendable {
  /// The program that started it, as a person knows it.
  package let name: String
  /// How many processes it started; nil where it does not say.
  package let size: Int?
  /// Whether Open MPI can find its peers through what this launcher passes on.
  package let canJoin: Bool

  package init(name: String, size: Int?, canJoin: Bool) {
    (self.name, self.size, self.canJoin) = (name, size, canJoin)
  }

  /// Reads the variables of Open MPI's mpirun, Slurm's srun, and PMI launchers (MPICH, Intel); nil for a process on its own.
  package static func detect(_ environment: [String: String]) -> Launcher? {
    func number(_ key: String) -> Int? { environment[key].flatMap { Int($0) } }
    if let size = number("OMPI_COMM_WORLD_SIZE") {
      return Launcher(name: "mpirun", size: size, canJoin: true)
    }
    let hasPMIx = environment["PMIX_RANK"] != nil
    // A batch script has SLURM_NTASKS as well, and is not a task itself: only a step counts.
    if environment["SLURM_STEP_ID"] ?? environment["SLURM_STEPID"] != nil, environment["SLURM_PROCID"] != nil
    {
      let size = number("SLURM_STEP_NUM_TASKS") ?? number("SLURM_NTASKS")
      return Launcher(name: "srun", size: size, canJoin: hasPMIx)
    }
    if let size = number("PMI_SIZE") {
      return Launcher(name: "a PMI launcher (MPICH, Intel MPI)", size: size, canJoin: hasPMIx)
    }
    return hasPMIx ? Launcher(name: "a PMIx launcher", size: nil, canJoin: true) : nil
  }

  /// This process's number among those of its job on this machine, where the launcher tells it; else 0.
  package static func localRank(_ environment: [String: String] = processEnvironment()) -> Int {
    let names = ["OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID", "MPI_LOCALRANKID", "PMI_LOCAL_RANK"]
    return names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first ?? 0
  }

  /// What to do where the processes did not find each other.
  package var fix: String {
    switch name {
    case "srun": "start with `srun --mpi=pmix …`, or run Open MPI's `mpirun` inside the allocation"
    case "mpirun": "start with the mpirun of the Open MPI that recur loads (`recur doctor` shows which)"
    default: "start with Open MPI's mpirun, or with `recur launch`"
    }
  }
}

/// How a program gets its group.
public enum Communicators {
  /// `Solo` for a process on its own, `MPI` for one of several that a launcher started.
  ///
  /// Throws a usage `Failure` with the fix where the launcher says N processes and MPI finds just one.
  public static func fromEnvironment(_ environment: [String: String]? = nil) throws -> any Communicator {
    guard let launcher = Launcher.detect(environment ?? processEnvironment()), launcher.size != 1 else {
      return Solo()
    }
    let started = launcher.size.map { "\($0) processes" } ?? "this process"
    guard launcher.canJoin else {
      throw Failure.usage("\(launcher.name) started \(started) that can't find each other; \(launcher.fix)")
    }
    prepare(environment ?? processEnvironment())
    let group = try MPI()
    if let size = launcher.size, group.size != size {
      throw Failure.usage(
        "\(launcher.name) started \(started), but MPI joined \(group.size) of them into this group; \(launcher.fix)"
      )
    }
    return group
  }

  /// Where ranks are more than cores, waiting ranks must let others run: without it a message takes milliseconds.
  private static func prepare(_ environment: [String: String]) {
    guard let ranks = environment["OMPI_COMM_WORLD_LOCAL_SIZE"].flatMap({ Int($0) }) else { return }
    if ranks > sysconf(Int32(_SC_NPROCESSORS_ONLN)) { setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0) }
  }
}

/// The environment, without Foundation.
package func processEnvironment() -> [String: String] {
  var result: [String: String] = [:]
  var next = environ
  while let entry = next.pointee {
    let line = String(cString: entry)
    if let equals = line.firstIndex(of: "=") {
      result[String(line[..<equals])] = String(line[line.index(after: equals)...])
    }
    next += 1
  }
  return result
}
