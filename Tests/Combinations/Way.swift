import Collective
import Dataset
import Diagnostics
import Foundation
import Recurrent
import Training

/// One way to train a combination.
struct Way {
  let name: String
  var ranks = 1
  var threads = 1
  var resume = ResumeChoice.never
  /// The run's folder where it is not the way's name.
  var out: String?
  /// Whether a checkpoint is saved after as many steps as possible, or as often as the recipe says.
  var savesAlways = true
}

/// What is left of a run.
struct FinishedRun {
  let report: TrainingReport
  /// Without what may differ.
  let comparable: JSONValue
  let log: JSONValue
  /// Every tensor of the last checkpoint, with the hash of its bytes.
  let tensors: JSONValue
}

/// Takes down what a run tells a person.
private final class Listener: TrainingObserver, @unchecked Sendable {
  private(set) var notes: [String] = []
  func started(_ start: TrainingStart) {}
  func progress(_ progress: TrainingProgress) {}
  func epochEnded(_ epoch: EpochSummary) {}
  func checkpointSaved(path: String) {}
  func note(_ line: String) { notes.append(line) }
}

extension CombinationCheck {
  /// `key=value` for the command line: what this way changes of the recipe, without changing what is computed.
  func overrides(_ way: Way) -> [String] {
    var overrides: [String] = []
    if way.savesAlways {
      // A run of many small steps is not to spend its time on saving.
      let seconds = combination.recipe["train.batch_size"] == 1 ? 0.003 : 1e-7
      for (key, value) in [("every_seconds", "\(seconds)"), ("every_epochs", "1"), ("keep_last", "100000")] {
        overrides.append("checkpoint.\(key)=\(value)")
      }
    }
    // Inputs that stay in their files are those in memory.
    if combination.kind.shardEndings != nil, way.name != "whole" { overrides.append("data.memory=1") }
    // One process has nobody to dedicate.
    if way.ranks == 1 { overrides.append("distributed.coordinator=shared") }
    return overrides
  }

  /// Trains in this process; ranks are threads.
  func train(_ way: Way) throws -> FinishedRun {
    let recipe = try Recipe(contentsOf: recipePath, overrides: overrides(way))
    var options = TrainingOptions()
    let out = folder + "/" + (way.out ?? way.name)
    (options.outputDirectory, options.threads, options.resume) = (out, way.threads, way.resume)
    let listener = Listener()
    let plant = plant
    let last = stepCount - 1
    @Sendable func train(_ group: any Communicator, _ options: TrainingOptions) throws -> TrainingReport {
      let data = try LoadedData(recipe.data, peers: group.loadingPeers)
      let trainer = try Trainer(
        recipe: recipe, data: data, options: options, communicator: group, observer: listener)
      if plant?.rawValue == way.name {
        trainer.faults = { step, parameters in if step == last { parameters[0] += 0.001 } }
      }
      return try trainer.run()
    }
    let reports =
      way.ranks == 1
      ? [try train(Solo(), options)]
      : try Threaded.withRanks(way.ranks) { [options] in try train($0, options) }
    for note in listener.notes where note.contains("\n") || note.utf8.count > 1000 {
      fault(way.name, "a note is not one short line: \(note.prefix(200))")
    }
    if reports.contains(where: { $0.parametersSHA256 != reports[0].parametersSHA256 }) {
      fault(way.name, "ranks end with different parameters")
    }
    return try finished(reports[0], out, way)
  }

  func finished(_ report: TrainingReport, _ run: String, _ way: Way) throws -> FinishedRun {
    let file = try CheckpointFile(reading: report.checkpoint)
    let tensors = file.tensors.map { ($0.name, JSONValue.string($0.withValues(parametersSHA256))) }
    return FinishedRun(
      report: report,
      comparable: Comparison.comparable(
        JSONValue(encoding: report), ignoring: way.savesAlways ? [] : ["best_checkpoint"]),
      log: try Comparison.log(run), tensors: .object(Dictionary(uniqueKeysWithValues: tensors)))
  }
}
