import ArgumentParser
import CMemory
import Diagnostics
import Files
import Version

/// `recur`: the trainer as a command. Each subcommand is one file.
@main
struct RecurCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recur",
    abstract: "Trains recurrent networks (RNN, LSTM, GRU) on one core, one machine or many.",
    discussion: """
      Start with:   recur init FILE.csv --target COLUMN > recipe.yaml
                    recur train recipe.yaml
      Exit codes:   0 done, 64 usage, 65 bad data or recipe, 66 missing input, 69 something not installed,
                    70 internal, 74 I/O, 75 stopped but worth retrying, 1 a failed doctor check.
      """,
    version: ProgramVersion.text,
    subcommands: [
      Init.self, Pack.self, Train.self, Evaluate.self, Predict.self, ForecastCommand.self,
      BacktestCommand.self,
      Generate.self,
      Inspect.self, Compare.self, Export.self, Plot.self, ReportCommand.self,
      Sweep.self, Launch.self, RecipeCommand.self, Bench.self, Doctor.self,
    ])

  static func main() {
    ProcessStart.begin()
    _ = Leftovers.ending
    // It is called on whichever thread finds no memory; without @Sendable it would be the main thread's alone, and trap elsewhere.
    cmemory_begin(CommandLine.arguments.contains("--json") ? 1 : 0, Failure.Kind.unavailable.rawValue) {
      @Sendable in Leftovers.removeAll()
    }
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
    if let failure = error as? Failure { exit(reporting: failure) }
    let code = exitCode(for: error).rawValue
    if !(error is ExitCode) {
      if code == 0 {
        // Help and the version are results: that they can't be written is told.
        do { try Console(json: false).sayPage(fullMessage(for: error)) } catch { exit(reporting: error) }
      } else {
        report(message(for: error), code)
        Console.notePage(explained(error))
      }
    }
    exit(withError: ExitCode(code))
  }

  private static func exit(reporting failure: Failure) -> Never {
    let code = failure.kind.rawValue
    if failure.kind != .readerGone {
      report(failure.message, code)
      Console.note("recur: \(failure.message)")
    }
    exit(withError: ExitCode(code))
  }

  private static func report(_ line: String, _ code: Int32) {
    guard CommandLine.arguments.contains("--json") else { return }
    try? Console(json: true).finish(FailureReport(error: line, exitCode: code))
  }
}

extension RecurCommand {
  /// The words of the parser about a wrong command line, which they quote.
  private static func explained(_ error: any Error) -> String {
    // Line ends of an argument must not begin lines that look like the program's own.
    let isForged = CommandLine.arguments.contains { $0.utf8.contains(UInt8(ascii: "\n")) }
    return isForged ? "Error: \(message(for: error).shown)" : fullMessage(for: error)
  }
}

/// What `--json` prints where a command fails.
private struct FailureReport: Encodable {
  let error: String
  let exitCode: Int32
}
