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

  /// More processes in one job, or on one machine, are a mistake.
  package static let mostProcesses = 1 << 20

  /// A number that a launcher left in the environment; nil where it left none.
  /// - Throws: a usage `Failure` that names the variable where it holds anything else: who set it was no launcher.
  static func number(_ key: String, in environment: [String: String], from least: Int) throws(Failure) -> Int?
  {
    guard let text = environment[key] else { return nil }
    guard let number = decimal(text.utf8, in: least...mostProcesses) else {
      throw Failure.usage(
        "\(key) is `\(text)`, which is no number of processes (\(least) to \(mostProcesses)); launchers set it: `unset \(key)`, or start with one"
      )
    }
    return number
  }

  /// Reads the variables of Open MPI's mpirun, Slurm's srun, and PMI launchers (MPICH, Intel); nil for a process on its own.
  package static func detect(_ environment: [String: String]) throws(Failure) -> Launcher? {
    func number(_ key: String) throws(Failure) -> Int? { try Self.number(key, in: environment, from: 1) }
    if let size = try number("OMPI_COMM_WORLD_SIZE") {
      return Launcher(name: "mpirun", size: size, canJoin: true)
    }
    let hasPMIx = environment["PMIX_RANK"] != nil
    // A batch script has SLURM_NTASKS as well, and is not a task itself: only a step counts.
    if environment["SLURM_STEP_ID"] ?? environment["SLURM_STEPID"] != nil, environment["SLURM_PROCID"] != nil
    {
      var size = try number("SLURM_STEP_NUM_TASKS")
      if size == nil { size = try number("SLURM_NTASKS") }
      return Launcher(name: "srun", size: size, canJoin: hasPMIx)
    }
    if let size = try number("PMI_SIZE") {
      return Launcher(name: "a PMI launcher (MPICH, Intel MPI)", size: size, canJoin: hasPMIx)
    }
    return hasPMIx ? Launcher(name: "a PMIx launcher", size: nil, canJoin: true) : nil
  }

  /// This process's number among those of its job on this machine, where the launcher tells it; else 0.
  package static func localRank(_ environment: [String: String] = processEnvironment()) throws(Failure) -> Int
  {
    try first(
      of: ["OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID", "MPI_LOCALRANKID", "PMI_LOCAL_RANK"],
      in: environment)
  }

  /// This process's number in its job, where the launcher tells it; else 0.
  static func rank(_ environment: [String: String]) throws(Failure) -> Int {
    try first(of: ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID", "PMI_RANK"], in: environment)
  }

  private static func first(of keys: [String], in environment: [String: String]) throws(Failure) -> Int {
    for key in keys {
      if let number = try number(key, in: environment, from: 0) { return number }
    }
    return 0
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
    let variables = environment ?? processEnvironment()
    guard let launcher = try Launcher.detect(variables) else { return Solo() }
    if environment == nil { try RankLife.begin(variables) }
    guard launcher.size != 1 else { return Solo() }
    let started = launcher.size.map { "\($0) processes" } ?? "this process"
    guard launcher.canJoin else {
      throw Failure.usage("\(launcher.name) started \(started) that can't find each other; \(launcher.fix)")
    }
    try prepare(variables)
    let group = try MPI()
    if let size = launcher.size, group.size != size {
      throw Failure.usage(
        "\(launcher.name) started \(started), but MPI joined \(group.size) of them into this group; \(launcher.fix)"
      )
    }
    return group
  }

  /// Where ranks are more than cores, waiting ranks must let others run: without it a message takes milliseconds.
  private static func prepare(_ environment: [String: String]) throws {
    guard let ranks = try Launcher.number("OMPI_COMM_WORLD_LOCAL_SIZE", in: environment, from: 1) else {
      return
    }
    if ranks > sysconf(Int32(_SC_NPROCESSORS_ONLN)) { setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0) }
  }
}

/// The environment, without Foundation.
package func processEnvironment() -> [String: String] {
  var result: [String: String] = [:]
  var next = environ
  while let entry = next.pointee {
    // By bytes: a letter that combines with "=" hides it from Swift's characters.
    let line = String(cString: entry)
    if let equals = line.utf8.firstIndex(of: UInt8(ascii: "=")) {
      result[String(line[..<equals])] = String(line[line.utf8.index(after: equals)...])
    }
    next += 1
  }
  return result
}
