import ArgumentParser
import Kernels
import Recur

/// Which checkpoint of a run directory a command uses.
struct CheckpointChoice: ParsableArguments {
  @Flag(help: "The run's newest checkpoint, even where a validation metric chose a better one.") var last =
    false
  @Option(help: "The run's checkpoint after so many steps.") var step: Int?

  func validate() throws {
    if last, step != nil { throw ValidationError("--last and --step: give one of them") }
    if let step, step < 0 { throw ValidationError("--step must be at least 0, not \(step)") }
  }

  var choice: RunDirectory.Selection { step.map { .step($0) } ?? (last ? .newest : .best) }
}

/// What made a checkpoint the best of its run.
struct ChosenBy: Encodable {
  let metric: String
  let value: Double
  /// A better one was there, and is missing or damaged.
  let betterLost: Double?

  init?(_ model: CheckpointedModel) {
    guard let chosenBy = model.chosenBy else { return nil }
    (metric, value, betterLost) = (chosenBy.name, chosenBy.value, model.lostBest?.value)
  }

  var words: String {
    "the \(betterLost == nil ? "run's best" : "best that is left") by \(metric), \(Formatting.short(value)); --last takes the newest"
  }
}

extension CheckpointedModel {
  /// The checkpoint at `path`; tells a person about others that can't be used.
  init(noting path: String, _ choice: RunDirectory.Selection, overrides: [String] = []) throws {
    _ = try KernelSet.fromEnvironment()
    try self.init(contentsOf: path, choosing: choice, overrides: overrides)
    for file in skipped { Console.note("recur: skipped \(file.path): \(file.reason)") }
    if let lostBest {
      Console.note(
        "recur: the run's best by \(lostBest.name), \(Formatting.short(lostBest.value)), is missing or damaged: \(self.path) is used instead"
      )
    }
  }

  /// Its path, and why it was taken.
  var named: String { path + (ChosenBy(self).map { " (\($0.words))" } ?? "") }
}
