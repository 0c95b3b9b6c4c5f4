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
  /// This process's number, and how many processes it started; nil where it does not say.
  package let rank: Int?
  package let size: Int?
  /// Interfaces of which MPI finds the other processes through what this launcher passes on, likeliest first.
  package let interfaces: [MPIInterface]
  private let wayOut: String?

  package init(name: String, rank: Int?, size: Int?, interfaces: [MPIInterface], fix: String? = nil) {
    (self.name, self.rank, self.size, self.interfaces) = (name, rank, size, interfaces)
    wayOut = fix
  }

  /// The launcher whose variables are set; nil for a process on its own.
  package static func detect(_ environment: [String: String]) -> Launcher? {
    let found = LauncherKind.all.lazy.compactMap { $0.launcher(environment) }
    guard let first = found.first else { return nil }
    // A launcher's only process may be another launcher that knows no MPI.
    return first.size == 1 ? found.first { $0.size != 1 && $0.knowsNoMPI } ?? first : first
  }

  private var knowsNoMPI: Bool { LauncherKind.all.contains { $0.name == name && $0.interfaces.isEmpty } }

  /// This process's number among those of its job on this machine, where the launcher tells it; else 0.
  package static func localRank(_ environment: [String: String] = processEnvironment()) -> Int {
    LauncherKind.all.lazy.compactMap(\.localRank).compactMap { environment[$0].flatMap { Int($0) } }.first
      ?? 0
  }

  /// What to do where the processes did not find each other.
  package var fix: String {
    (wayOut ?? "start with the \(name) of the MPI that recur loads (`recur doctor` shows which)")
      + "; --solo makes each process a run of its own"
  }

  /// "mpirun started 4 processes".
  fileprivate var deed: String { "\(name) started \(size.map { "\($0) processes" } ?? "this process")" }
}

/// How a program gets its group.
public enum Communicators {
  /// `Solo` for a process on its own, `MPI` for one of several that a launcher started.
  ///
  /// Throws a usage `Failure` with the fix where a launcher plainly started this process as one of several, and there is no MPI
  /// in which it meets the others: several processes never do the same work unknown to each other.
  /// - solo: whether they shall: then the launcher is not looked for.
  public static func fromEnvironment(_ environment: [String: String]? = nil, solo: Bool = false) throws
    -> any Communicator
  {
    let environment = environment ?? processEnvironment()
    guard !solo, let launcher = Launcher.detect(environment), launcher.size != 1 else { return Solo() }
    let isAsked = environment["RECUR_MPI"]?.isEmpty == false
    guard !launcher.interfaces.isEmpty || isAsked else {
      let those = launcher.size == nil ? "as one of several" : "that"
      throw Failure.usage("\(launcher.deed) \(those) can't find each other; \(launcher.fix)")
    }
    prepare(environment)
    let group: MPI
    do { group = try MPI(MPILibrary.candidates(for: launcher.interfaces, environment)) } catch let failure
      as Failure where failure.kind == .unavailable
    { throw Failure.usage("\(launcher.deed), but \(failure.message); \(launcher.fix)") }
    // A launcher that tells no number of processes may have started just the first.
    let isWhole = launcher.size.map { $0 == group.size } ?? (group.size > 1 || (launcher.rank ?? 0) == 0)
    guard isWhole else {
      throw Failure.usage(
        "\(launcher.deed), but MPI joined \(group.size) of them into this group; \(launcher.fix)")
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
