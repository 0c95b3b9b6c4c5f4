import ArgumentParser
import Recur

struct Compare: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Puts runs side by side: where their recipes differ, and what they have reached.",
    discussion: """
      One row a run, the best first: the keys that differ between the recipes, and what was measured for the parameters \
      that other commands take (the best by the run's validation metric, where it has one, else the last), with the epoch \
      they are of. A run that is under way or was killed has a row with what is there. --csv and --json have every metric.
      """)

  @Argument(help: "Run directories.") var runs: [String]
  @Option(
    help: ArgumentHelp(
      "What to sort by (default: what checkpoint.metric says).",
      valueName: "validation.loss|test.mae|…"),
    completion: .list(RunComparison.Metric.all.map(\.description)))
  var by: String?
  @Flag(help: "Print the table as CSV, with all metrics.") var csv = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard !runs.isEmpty else { throw ValidationError("name at least one run directory") }
    guard !(csv && output.json) else {
      throw ValidationError("--csv and --json both want standard output; give one of them")
    }
    if let by, RunComparison.Metric(by) == nil {
      throw ValidationError(
        "--by \(quoted(by)) is no metric; it is one of \(RunComparison.Metric.all.map(\.description).joined(separator: ", "))"
      )
    }
  }

  func execute(_ console: Console) throws -> ComparisonReport {
    let summaries = try runs.map { try RunSummary(run: $0) }
    let comparison = RunComparison(summaries, by: by.flatMap { RunComparison.Metric($0) })
    comparison.noteTrainingLoss(unless: by != nil)
    let table = ComparisonTable(comparison)
    if csv {
      for line in table.csv {
        if console.isOnTerminal { try console.say(line) } else { try console.write(Array("\(line)\n".utf8)) }
      }
    } else {
      for line in table.lines { try console.say(line) }
    }
    return ComparisonReport(comparison)
  }
}

extension RunComparison {
  /// Who sorts by what training minimizes, for want of anything else, should know.
  func noteTrainingLoss(unless isAsked: Bool) {
    guard !isAsked, metric.name == Metric(MetricName(.train, .loss)).name,
      runs.contains(where: { metric.value(of: $0) != nil })
    else { return }
    Console.note(
      "recur: sorted by the loss of the training part, since no run has measured a validation part: it says little about other data"
    )
  }
}

struct ComparisonReport: CommandReport {
  struct MeasuredEpoch: Encodable {
    let epoch: Int
    let step: Int
    let metrics: [Name: Double]

    init(_ measured: RunLog.Measured) {
      (epoch, step, metrics) = (measured.epoch, measured.step, measured.values)
    }
  }
  struct ComparedRun: Encodable {
    let run: String
    let status: RunSummary.RunStatus
    /// Those that differ.
    let settings: [Name: String?]
    let epochs: Int
    let steps: Int
    /// Of the parameters that other commands take; `last` of those after the last epoch.
    let chosen: MeasuredEpoch?
    let last: MeasuredEpoch?
    let seconds: Double?
    let parameters: Int?
    let parametersSHA256: String?
    let checkpoint: String?
    let checkpointBytes: Int?
    let notes: [String]

    enum CodingKeys: String, CodingKey {
      case run, status, settings, epochs, steps, chosen, last, seconds, parameters, checkpoint, notes
      case checkpointBytes = "checkpoint_bytes"
      case parametersSHA256 = "parameters_sha256"
    }
  }

  var command = "compare"
  let by: String
  let higherIsBetter: Bool
  let runs: [ComparedRun]

  init(_ comparison: RunComparison) {
    by = comparison.metric.description
    higherIsBetter = comparison.metric.increases
    runs = comparison.runs.indices.map { row in
      let run = comparison.runs[row]
      return ComparedRun(
        run: run.path, status: run.status,
        settings: Dictionary(uniqueKeysWithValues: zip(comparison.keys, comparison.settings[row])),
        epochs: run.epochs, steps: run.steps, chosen: run.chosen.map { MeasuredEpoch($0) },
        last: run.last.map { MeasuredEpoch($0) }, seconds: run.seconds, parameters: run.parameters,
        parametersSHA256: run.parametersSHA256, checkpoint: run.checkpoint,
        checkpointBytes: run.checkpointBytes, notes: comparison.notes[row])
    }
  }
}
