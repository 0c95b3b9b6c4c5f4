import ArgumentParser
import Recur

/// A command that ends with a report: readable lines, or one JSON object with `--json`.
protocol ReportingCommand: ParsableCommand {
  associatedtype Report: CommandReport
  var output: OutputOptions { get }
  /// The file that the command writes, if it writes one.
  var outputPath: String? { get }
  /// Does the work and prints the readable result.
  func execute(_ console: Console) throws -> Report
}

/// What a command did, as `--json` prints it (keys in snake case).
protocol CommandReport: Encodable {
  /// The process's exit code where the work was done but is not all well.
  var exitCode: Int32 { get }
}

extension CommandReport {
  var exitCode: Int32 { 0 }
}

extension ReportingCommand {
  var outputPath: String? { nil }

  func run() throws {
    let console = try Console(json: output.json, sharingOutputWith: outputPath)
    let report = try execute(console)
    try console.finish(report)
    if report.exitCode != 0 { throw ExitCode(report.exitCode) }
  }
}

struct OutputOptions: ParsableArguments {
  @Flag(help: "End standard output with one JSON object; everything else goes to standard error.")
  var json = false
}

struct SettingOptions: ParsableArguments {
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Change a key of the recipe, for example optimizer.lr=0.01.", valueName: "key=value"),
    completion: .custom { _, _, text in RecipeReference.completions(of: text) })
  var settings: [String] = []
}

struct ThreadOptions: ParsableArguments {
  @Option(help: "Threads of each process (default: the cores it may use).") var threads: Int?

  func validate() throws {
    guard (1...4096).contains(threads ?? 1) else { throw ValidationError("--threads must be 1 to 4096") }
  }
}
