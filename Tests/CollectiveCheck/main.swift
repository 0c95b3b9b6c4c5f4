// One rank of the tests that need a real launcher: `mpirun -n 4 collective-check verify`.
// `collective-check launch RANKS RESTARTS ARGUMENTS...` runs itself under the supervisor of `recur launch`.
import Collective
import CollectiveCases
import Diagnostics
import Foundation

ProcessStart.begin()
do {
  let arguments = Array(CommandLine.arguments.dropFirst())
  if arguments.first == "launch" {
    var plan = LaunchPlan(command: [Machine.executablePath()!] + arguments.dropFirst(3))
    let environment = ProcessInfo.processInfo.environment
    plan.ranks = Int(arguments[1])
    plan.agent = try environment["CHECK_AGENT"].map { try RemoteShell($0) }
    plan.network = environment["CHECK_NETWORK"].flatMap { JobNetwork($0) }
    plan.hostfile = try environment["CHECK_HOSTFILE"].map { try Hostfile(path: $0) }
    let starter = environment["CHECK_STARTER"] ?? "mpirun"
    plan.starter = environment["CHECK_KIND"].flatMap { Starter(rawValue: $0) } ?? .openMPI
    var supervisor = Supervisor(plan)
    if let seconds = environment["CHECK_PATIENCE"].flatMap({ Int($0) }) {
      supervisor.patience = .seconds(seconds)
    }
    if let minimum = environment["CHECK_ELASTIC"].flatMap({ Int($0) }) {
      let seconds = environment["CHECK_ELASTIC_TIMEOUT"].flatMap { Int($0) } ?? 60
      supervisor.elastic = .init(
        minimum: minimum, patience: .seconds(seconds), interval: .milliseconds(200))
    }
    supervisor.program = plan.starter.program(starter)
    supervisor.maxRestarts = Int(arguments[2]) ?? 0
    exit(try supervisor.run())
  }
  try Check(ProcessGroup.fromEnvironment().communicator).run(arguments)
} catch let failure as Failure {
  writeLine("collective-check: \(failure)")
  exit(failure.kind.rawValue)
}
