import Dataset
import Foundation
import Synchronization
import TestSupport
import Testing
import Training

/// What saving costs the training thread.
@Suite(.tags(.long)) struct SaveCostTests {
  private func trainer(_ run: TemporaryRun, _ recipe: Recipe, _ fileSystem: FileSystem = .real) throws
    -> Trainer
  {
    var options = TrainingOptions()
    (options.outputDirectory, options.fileSystem, options.threads) = (run.path + "/run", fileSystem, 1)
    return try Trainer(recipe: recipe, data: LoadedData(recipe.data), options: options)
  }

  /// A disk that has not synchronized a checkpoint until fifty more steps were made: if training waited for it, neither would
  /// ever go on.
  @Test func trainingGoesOnWhileACheckpointIsWritten() throws {
    let run = try TemporaryRun(rows: 400)
    let recipe = try run.recipe(
      "train.epochs=3", "train.batch_size=4", "data.split={train: 380}",
      "checkpoint={every_epochs: 1, keep_best: 0}")
    let steps = Atomic<Int>(0)
    let waits = Atomic<Int>(0)
    let gaveUp = Atomic<Int>(0)
    let slow = FileSystem { call, path in
      guard call == .synchronize, path.contains("step-00000095") else { return nil }
      waits.add(1, ordering: .relaxed)
      let goal = 95 + 50
      for _ in 0..<20_000 where steps.load(ordering: .relaxed) < goal { usleep(1000) }
      if steps.load(ordering: .relaxed) < goal { gaveUp.add(1, ordering: .relaxed) }
      return nil
    }
    let trainer = try trainer(run, recipe, slow)
    trainer.faults = { step, _ in steps.store(step, ordering: .relaxed) }
    let report = try trainer.run()
    #expect(report.steps == 3 * 95 && waits.load(ordering: .relaxed) == 1)
    #expect(gaveUp.load(ordering: .relaxed) == 0, "training waited for the disk")
    #expect(throws: Never.self) {
      try CheckpointFile(reading: run.path + "/run/checkpoints/step-00000190.safetensors")
    }
  }

  /// RECUR_SAVE_COST=1, on a machine that does nothing else: what one save in thirty seconds costs a run of 41 MB of checkpoint on
  /// all cores, from runs that save every second beside runs that never do.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["RECUR_SAVE_COST"] != nil))
  func oneSaveInThirtySecondsCostsLittle() throws {
    let run = try TemporaryRun(rows: 400)
    func seconds(_ checkpoint: String) throws -> (run: Double, saves: Int) {
      let recipe = try run.recipe(
        "model.hidden_size=512", "model.num_layers=2", "data.window=20", "train.batch_size=32",
        "data.split={train: 352}", "train.epochs=12", "checkpoint={\(checkpoint), keep_best: 0}")
      var options = TrainingOptions()
      (options.outputDirectory, options.overwrite) = (run.path + "/run", true)
      let counter = SaveCounter()
      let trainer = try Trainer(
        recipe: recipe, data: LoadedData(recipe.data), options: options, observer: counter)
      var begin = Date()
      var end = begin
      trainer.faults = { step, _ in
        if step == 0 { begin = Date() }
        end = Date()
      }
      _ = try trainer.run()
      // The last one is made by the end of the run.
      return (end.timeIntervalSince(begin), counter.saves - 1)
    }
    var pairs: [(without: Double, with: (run: Double, saves: Int))] = []
    for _ in 0..<5 { pairs.append((try seconds("every_epochs: 1000").run, try seconds("every_seconds: 1"))) }
    let least = (pairs.map(\.without).min()!, pairs.map(\.with.run).min()!)
    let saves = pairs.map(\.with.saves).min()!
    let each = (least.1 - least.0) / Double(saves)
    print("a run of \(least.0) s, with \(saves) saves \(least.1) s: each costs \(each) s")
    #expect(saves > 2 && each < 0.01 * 30)
  }

  /// The best of a short epoch waits in memory, and is saved by a step of the next epoch once a second has passed.
  @Test func theBestThatWaitsIsSavedBetweenSteps() throws {
    let run = try TemporaryRun()
    let recipe = try run.recipe(
      "train.epochs=2", "checkpoint={every_epochs: 100, every_seconds: 1000}")
    let trainer = try trainer(run, recipe)
    trainer.faults = { step, _ in if step == 6 { usleep(1_100_000) } }
    #expect(try trainer.run().steps == 10)
    #expect(throws: Never.self) {
      try CheckpointFile(reading: run.path + "/run/checkpoints/step-00000005.safetensors")
    }
  }
}

private final class SaveCounter: TrainingObserver {
  private(set) var saves = 0
  func started(_ start: TrainingStart) {}
  func progress(_ progress: TrainingProgress) {}
  func epochEnded(_ epoch: EpochSummary) {}
  func checkpointSaved(path: String) { saves += 1 }
  func note(_ line: String) {}
}
