import ArgumentParser
import Collective
import Diagnostics
import Files

/// The machines that a sweep's trials are computed on, a trial at a time in each slot. Each is started as `recur launch -n 1` starts a
/// rank, which passes on its output, its end and the wish to stop.
struct TrialHosts {
  /// The file of each slot's machine.
  let slots: [String]
  private let options: [String]
  /// Holds the files.
  private let folder: TemporaryFolder

  init(_ hostfile: Hostfile, options: [String]) throws {
    folder = try TemporaryFolder()
    self.options = options
    var files: [String] = []
    for (number, host) in hostfile.hosts.enumerated() {
      files.append(try folder.write("host-\(number)", Array("\(host.name) slots=1\n".utf8)))
    }
    // One on each machine before a second on any.
    slots = (0..<(hostfile.hosts.map(\.slots).max() ?? 0)).flatMap { round in
      zip(files, hostfile.hosts).filter { $1.slots > round }.map { $0.0 }
    }
  }

  /// What stands before a command that shall run at a slot.
  func launch(at slot: Int, threads: Int) -> [String] {
    ["launch", "-n", "1", "--hostfile", slots[slot], "--unbound", "--threads", "\(threads)"] + options + [
      "--"
    ]
  }
}

/// Where the trials of a sweep are computed, and by how many processes.
struct SweepHosts: ParsableArguments {
  @Flag(
    help:
      "Others run the same command at a time, here or on machines with the same folder: each takes trials that nobody has. In a Slurm array it is so unasked."
  )
  var shared = false
  @Option(
    help: "Machines, one a line: NAME slots=N. Each slot has a trial at a time, started as recur launch does."
  )
  var hostfile: String?
  @Option(help: "hostfile: use only TCP over this device or address range, see launch.") var network: String?
  @Option(help: "hostfile: program that runs a command on another machine, see launch.") var agent: String?
  @Option(help: ArgumentHelp("hostfile: program that starts a trial, see launch.", valueName: "program"))
  var starter: String?

  func validate() throws {
    guard hostfile != nil || [network, agent, starter].allSatisfy({ $0 == nil }) else {
      throw ValidationError("--network, --agent and --starter belong to --hostfile")
    }
  }

  func hosts() throws -> TrialHosts? {
    guard let hostfile else { return nil }
    _ = try agent.map { try RemoteShell($0) }
    let options = [("--network", network), ("--agent", agent), ("--starter", starter)].flatMap {
      name, value in
      value.map { [name, $0] } ?? []
    }
    return try TrialHosts(Hostfile(path: hostfile), options: options)
  }
}
