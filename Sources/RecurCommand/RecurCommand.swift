import ArgumentParser
import Diagnostics

/// `recur`: the trainer as a command. Each subcommand is one file.
@main
struct RecurCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recur",
    abstract: "Trains recurrent networks (RNN, LSTM, GRU) on one core, one machine or many.",
    discussion: """
      Start with:   recur train launch/recipes/stock-lstm.yaml
      Exit codes:   0 done, 64 usage, 65 bad data or recipe, 66 missing input, 69 something not installed,
                    70 internal, 74 I/O, 75 stopped but worth retrying, 1 a failed doctor check.
      """,
    version: "recur 0.1.0",
    subcommands: [
      Train.self, Evaluate.self, Predict.self, Generate.self, Inspect.self, Export.self, Plot.self,
      Launch.self, RecipeCommand.self, Bench.self, Doctor.self,
    ])

  static func main() {
    do {
      if let unknown = unknownCommand(Array(CommandLine.arguments.dropFirst())) { throw unknown }
      var command = try parseAsRoot()
      try command.run()
    } catch {
      exit(reporting: error)
    }
  }

  /// Ends the process: one line on standard error, its exit code, and with `--json` the same as an object.
  private static func exit(reporting error: any Error) -> Never {
    let failure = error as? Failure
    let code = failure?.kind.rawValue ?? exitCode(for: error).rawValue
    if code != 0, CommandLine.arguments.contains("--json"), !(error is ExitCode) {
      let line = failure?.message ?? message(for: error)
      try? Console(json: true).finish(FailureReport(error: line, exitCode: code))
    }
    guard let failure else { exit(reportingUsage: error) }
    Console.note("recur: \(failure.message)")
    exit(withError: ExitCode(code))
  }
}

extension RecurCommand {
  /// Help, a version, or a wrong command line with the words of the parser, which quote it.
  private static func exit(reportingUsage error: any Error) -> Never {
    let code = exitCode(for: error)
    guard code != .success, !(error is ExitCode) else { exit(withError: error) }
    // Line ends of an argument must not begin lines that look like the program's own.
    let isForged = CommandLine.arguments.contains { $0.utf8.contains(UInt8(ascii: "\n")) }
    Console.notePage(isForged ? "Error: \(message(for: error).shown)" : fullMessage(for: error))
    exit(withError: code)
  }
}

/// What `--json` prints where a command fails.
private struct FailureReport: Encodable {
  let error: String
  let exitCode: Int32
}
