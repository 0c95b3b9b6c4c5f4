import ArgumentParser
import Collective
import Diagnostics

/// `recur launch`: several ranks of this program under mpirun or another program that starts them.
struct Launch: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a command on several ranks under mpirun, and restarts it when it fails.",
    discussion: """
      Example:   recur launch -n 4 --max-restarts 3 -- train recipe.yaml --out runs/first
      Chooses binding, threads per rank and network settings, and prints the mpirun line it runs.
      --elastic MIN: the job goes on with the machines of the hostfile that answer, MIN of them at least, which it waits for; one that \
      is lost costs a restart, one that comes back is taken in after two answers, when the ranks have saved. Results are as where a run is \
      resumed with another number of ranks: the same bits with distributed.reduction strict.
      A first Ctrl-C, SIGTERM, SIGHUP or SIGUSR1 lets all ranks save and end (exit code 75); a second one has mpirun end
      them at once, unsaved, a third one kills them. Ctrl-Z stops the whole job, `fg` lets it go on.
      """)

  @Option(name: .short, help: "Ranks (default: one per core, or per slot of the hostfile).") var n: Int?
  @Option(help: "Machines, one a line: NAME slots=N.") var hostfile: String?
  @Option(help: "How often a failed job is started again from its newest valid checkpoint.") var maxRestarts =
    0
  @Option(
    help:
      "Seconds from the end of a failed job to the first restart; each further one waits twice as long, at most 30."
  )
  var restartPause =
    1.0
  @Option(
    help: ArgumentHelp(
      "Machines of the hostfile that the job needs at least; it goes on without the others, and takes them back.",
      valueName: "min"))
  var elastic: Int?
  @Option(help: "Seconds that an elastic job waits for as many machines as it needs; then it ends with 75.")
  var elasticTimeout =
    600.0
  @Option(help: "Threads of each rank (default: an equal share of the cores).") var threads: Int?
  @Option(help: "Use only TCP over this device or address range, such as eth0 or 10.0.0.0/24.") var network:
    String?
  @Option(help: "Program that runs a command on another machine, in place of ssh, with its options.")
  var agent: String?
  @Option(
    help: ArgumentHelp(
      "Program that starts the ranks: Open MPI's mpirun, mpiexec of MPICH or Intel MPI, prterun or srun.",
      valueName: "program"))
  var starter = "mpirun"
  @Flag(help: "Bind no rank to cores: for several jobs at a time on one machine.") var unbound = false
  @Flag(help: "Print the mpirun line and stop.") var dryRun = false
  @Flag(help: "End standard output with one JSON object: each try with its ranks, hosts and exit code.")
  var json = false
  @Argument(parsing: .postTerminator, help: "What every rank runs: train RECIPE …") var command: [String]

  func validate() throws {
    guard !command.isEmpty else {
      throw ValidationError("say what to run after --, such as: -- train recipe.yaml")
    }
    let counts = 1...1 << 20
    guard (0...3600).contains(restartPause) else {
      throw ValidationError("--restart-pause goes from 0 to 3600")
    }
    guard elastic == nil || maxRestarts > 0 else {
      throw ValidationError("--elastic needs --max-restarts K: a machine that is lost costs a restart")
    }
    guard counts ~= elastic ?? 1, (0...86_400).contains(elasticTimeout) else {
      throw ValidationError("--elastic starts at 1, --elastic-timeout goes from 0 to 86400")
    }
    guard counts ~= n ?? 1, counts ~= threads ?? 1, maxRestarts >= 0 else {
      throw ValidationError("-n and --threads go from 1 to \(counts.upperBound), --max-restarts starts at 0")
    }
  }

  func run() throws {
    let plan = try makePlan()
    if dryRun {
      return try Console(json: false).say(
        ShellWords.quoted([plan.starter.program(starter)] + plan.arguments(hostfilePath: hostfile)))
    }
    var supervisor = Supervisor(plan)
    supervisor.program = plan.starter.program(starter)
    supervisor.maxRestarts = maxRestarts
    supervisor.pause = restartPause
    supervisor.elastic = try elasticRules(plan)
    var attempts: [AttemptRecord] = []
    let code: Int32
    do {
      code = try supervisor.run { attempts.append($0) }
    } catch let failure as Failure {
      try tell(attempts, failure.kind.rawValue)
      throw failure
    }
    try tell(attempts, code)
    if code != 0 { throw ExitCode(code) }
  }

  private func tell(_ attempts: [AttemptRecord], _ code: Int32) throws {
    try Console(json: json).finish(LaunchReport(exitCode: code, attempts: attempts))
  }

  private func elasticRules(_ plan: LaunchPlan) throws -> Membership.Rules? {
    guard let elastic else { return nil }
    guard let hostfile = plan.hostfile else {
      throw Failure.usage("--elastic needs --hostfile: it says which machines there are")
    }
    let count = Set(hostfile.hosts.map(\.name)).count
    guard elastic <= count else {
      throw Failure.usage("--elastic \(elastic): the hostfile has \(count) machine\(count == 1 ? "" : "s")")
    }
    return Membership.Rules(minimum: elastic, patience: .seconds(elasticTimeout))
  }

  private func makePlan() throws -> LaunchPlan {
    var plan = LaunchPlan(command: [])
    plan.ranks = n
    plan.hostfile = try hostfile.map { try Hostfile(path: $0) }
    plan.bindsRanks = !unbound
    plan.threads = threads ?? Self.value(of: "--threads", in: command).flatMap { Int($0) }
    plan.network = try network.map { try Self.network($0) }
    plan.agent = try agent.map { try RemoteShell($0) }
    plan.allocation = try LaunchPlan.allocation()
    plan.starter = try kind()
    try plan.checkStarter()
    plan.command = [Self.ownPath()] + command
    // train computes on one thread unless told otherwise.
    if command.first == "train", Self.value(of: "--threads", in: command) == nil {
      plan.command += ["--threads", "\(plan.threadsPerRank)"]
    }
    return plan
  }

  private static func network(_ text: String) throws -> JobNetwork {
    guard let network = JobNetwork(text) else {
      throw Failure.usage(
        "--network: `\(text)` is neither a device nor an IPv4 range; write eth0 or 10.0.0.0/24, several with commas between"
      )
    }
    return network
  }

  /// A program that can't be asked is told by the supervisor, which starts it.
  private func kind() throws -> Starter {
    let file = starter.utf8.contains(UInt8(ascii: "/")) ? starter : SearchPath.find(starter)
    let version = file.flatMap { HealthCheck.output(of: $0, "--version") }
    if let kind = Starter(program: starter, version: { version?.joined(separator: "\n") }) { return kind }
    // Intel MPI's mpirun finds what it runs in PATH alone.
    let hydra = file.map { Starter.intel.program($0) }
    if let hydra, hydra != file, let words = HealthCheck.output(of: hydra, "--version"),
      Starter(program: hydra, version: { words.joined(separator: "\n") }) == .intel
    {
      return .intel
    }
    guard let version else { return .openMPI }
    throw Failure.usage(
      "--starter \(starter): it says \(version.first { !$0.isEmpty } ?? "nothing") about itself, and recur"
        + " knows \(Starter.allCases.map(\.rawValue).joined(separator: ", "))")
  }

  private static func value(of option: String, in words: [String]) -> String? {
    if let index = words.firstIndex(of: option), index + 1 < words.count { return words[index + 1] }
    return words.first { $0.hasPrefix(option + "=") }.map { String($0.dropFirst(option.count + 1)) }
  }

  /// This program's file, so that all ranks run the same one.
  private static func ownPath() -> String { Machine.executablePath() ?? CommandLine.arguments[0] }
}

/// What `--json` prints.
private struct LaunchReport: CommandReport {
  var command = "launch"
  var exitCode: Int32
  var attempts: [AttemptRecord]
}
