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

  /// More processes in one job, or on one machine, are a mistake.
  package static let mostProcesses = 1 << 20
  /// Variables of launchers that other programs use too: where one holds no number, no launcher set it.
  private static let sharedNames: Set = ["RANK", "WORLD_SIZE", "LOCAL_RANK"]

  /// A number that a launcher left in the environment; nil where it left none.
  /// - Throws: a usage `Failure` that names the variable where it holds anything else: who set it was no launcher.
  package static func number(_ key: String, in environment: [String: String], from least: Int) throws(Failure)
    -> Int?
  {
    guard let text = environment[key] else { return nil }
    if let number = decimal(text.utf8, in: least...mostProcesses) { return number }
    if sharedNames.contains(key) { return nil }
    throw Failure.usage(
      "\(key) is `\(text)`, which is no number of processes (\(least) to \(mostProcesses)); launchers set it: `unset \(key)`, or start with one"
    )
  }

  /// The number in the first of these variables that is set.
  static func first(of keys: [String], in environment: [String: String], from least: Int) throws(Failure)
    -> Int?
  {
    for key in keys {
      if let number = try number(key, in: environment, from: least) { return number }
    }
    return nil
  }

  /// The launcher whose variables are set; nil for a process on its own.
  package static func detect(_ environment: [String: String]) throws(Failure) -> Launcher? {
    var outer: Launcher?
    for kind in LauncherKind.all {
      guard let launcher = try kind.launcher(environment) else { continue }
      // A launcher's only process may be another launcher that knows no MPI.
      if launcher.size != 1, outer == nil || launcher.knowsNoMPI { return launcher }
      outer = outer ?? launcher
    }
    return outer
  }

  var knowsNoMPI: Bool { LauncherKind.all.contains { $0.name == name && $0.interfaces.isEmpty } }

  /// This process's number among those of its job on this machine, where the launcher tells it; else 0.
  package static func localRank(_ environment: [String: String] = processEnvironment()) throws(Failure) -> Int
  {
    try first(of: LauncherKind.all.compactMap(\.localRank), in: environment, from: 0) ?? 0
  }

  /// What to do where the processes did not find each other.
  package var fix: String {
    (wayOut ?? "start with the \(name) of the MPI that recur loads (`recur doctor` shows which)")
      + "; --solo makes each process a run of its own"
  }

  /// "mpirun started 4 processes".
  var deed: String { "\(name) started \(size.map { "\($0) processes" } ?? "this process")" }
}

/// The environment, without Foundation.
package func processEnvironment() -> [String: String] {
  var lines: [String] = []
  var next = environ
  while let entry = next.pointee {
    lines.append(String(cString: entry))
    next += 1
  }
  return variables(of: lines)
}

/// The variables of lines `NAME=VALUE`.
func variables(of lines: [String]) -> [String: String] {
  var result: [String: String] = [:]
  for line in lines {
    // By bytes: a letter that combines with "=" hides it from Swift's characters.
    guard let equals = line.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
    result[String(line[..<equals])] = String(line[line.utf8.index(after: equals)...])
  }
  return result
}
