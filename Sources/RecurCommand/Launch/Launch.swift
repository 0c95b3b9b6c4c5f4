import ArgumentParser
import Collective

/// `recur launch`: several ranks of this program under mpirun.
struct Launch: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a command on several ranks under mpirun, and restarts it when it fails.",
    discussion: """
      Example:   recur launch -n 4 --max-restarts 3 -- train recipe.yaml --out runs/first
      Chooses binding, threads per rank and network settings, and prints the mpirun line it runs.
      A first Ctrl-C or SIGTERM lets all ranks save and end; a second one ends them at once.
      """)

  @Option(name: .short, help: "Ranks (default: one per core, or per slot of the hostfile).") var n: Int?
  @Option(help: "Machines, one a line: NAME slots=N.") var hostfile: String?
  @Option(help: "How often a failed job is started again from its newest valid checkpoint.") var maxRestarts =
    0
  @Option(help: "Seconds before the first restart; each further one waits twice as long, at most 30.")
  var restartPause =
    1.0
  @Option(help: "Threads of each rank (default: an equal share of the cores).") var threads: Int?
  @Option(help: "Use only TCP over this device or address range, such as eth0 or 10.0.0.0/24.") var network:
    String?
  @Option(help: "Program that runs a command on another machine, in place of ssh.") var agent: String?
  @Flag(help: "Print the mpirun line and stop.") var dryRun = false
  @Argument(parsing: .postTerminator, help: "What every rank runs: train RECIPE …") var command: [String]

  func validate() throws {
    guard !command.isEmpty else {
      throw ValidationError("say what to run after --, such as: -- train recipe.yaml")
    }
    let counts = 1...1 << 20
    guard (0...3600).contains(restartPause) else {
      throw ValidationError("--restart-pause goes from 0 to 3600")
    }
    guard counts ~= n ?? 1, counts ~= threads ?? 1, maxRestarts >= 0 else {
      throw ValidationError("-n and --threads go from 1 to \(counts.upperBound), --max-restarts starts at 0")
    }
  }

  func run() throws {
    let plan = try makePlan()
    if dryRun {
      return try Console(json: false).say(
        LaunchPlan.quoted(["mpirun"] + plan.arguments(hostfilePath: hostfile)))
    }
    var supervisor = Supervisor(plan)
    supervisor.maxRestarts = maxRestarts
    supervisor.pause = restartPause
    let code = try supervisor.run()
    if code != 0 { throw ExitCode(code) }
  }

  private func makePlan() throws -> LaunchPlan {
    var plan = LaunchPlan(command: [])
    plan.ranks = n
    plan.hostfile = try hostfile.map { try Hostfile(path: $0) }
    plan.threads = threads ?? Self.value(of: "--threads", in: command).flatMap { Int($0) }
    plan.network = network
    plan.agent = agent
    plan.command = [Self.ownPath()] + command
    // train computes on one thread unless told otherwise.
    if command.first == "train", Self.value(of: "--threads", in: command) == nil {
      plan.command += ["--threads", "\(plan.threadsPerRank)"]
    }
    return plan
  }

  private static func value(of option: String, in words: [String]) -> String? {
    if let index = words.firstIndex(of: option), index + 1 < words.count { return words[index + 1] }
    return words.first { $0.hasPrefix(option + "=") }.map { String($0.dropFirst(option.count + 1)) }
  }

  /// This program's file, so that all ranks run the same one.
  private static func ownPath() -> String { Machine.executablePath() ?? CommandLine.arguments[0] }
}
