import Foundation
import TestSupport
import Testing
import Training

/// A resumed run is the same run: from every step, and with any number of ranks.
@Suite(.tags(.long)) struct ResumeTests {
  /// 40 epochs of 5 steps, the last one shorter than the others, with everything that has a state: warm-up, plateau,
  /// patience, momentum, dropout, and micro-batches.
  private static let always = [
    "model.num_layers=2", "model.dropout=0.3", "train.epochs=40", "train.accumulate=2", "optimizer.lr=0.03",
    "schedule={name: plateau, patience: 1, cooldown: 1, warmup_steps: 23}",
    "early_stopping={patience: 1000, metric: validation.rmse}",
  ]

  private func recipe(_ run: TemporaryRun, _ more: [String]) throws -> Recipe {
    try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/", overrides: Self.always + more)
  }

  /// A checkpoint after every step of one run; from so many of them (RECUR_RESUMES=200: all) the run must end the same.
  @Test(arguments: ["rnn", "lstm", "gru"], ["fast", "strict"])
  func everyStepIsAPointToResumeFrom(cell: String, reduction: String) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(
      run,
      [
        "model.cell=\(cell)", "distributed.reduction=\(reduction)",
        "checkpoint={every_seconds: 1.0e-9, keep_last: 1000}",
      ])
    let whole = try run.train(recipe, out: "whole")
    #expect(whole.steps == 200)
    let count = repetitions("RECUR_RESUMES", usually: reduction == "strict" ? 20 : 5)
    let steps = Array(Swift.stride(from: Int.random(in: 1...200 / count), through: 200, by: 200 / count))
    for step in steps {
      let path = run.path + "/whole/checkpoints/\(CatalogueEntry.name(of: step))"
      let again = try run.train(
        try self.recipe(run, ["model.cell=\(cell)", "distributed.reduction=\(reduction)"]),
        out: "again", resume: .file(path), overwrite: true)
      #expect(again.parametersSHA256 == whole.parametersSHA256, "from step \(step)")
      #expect(again.epochLosses == whole.epochLosses && again.test == whole.test, "from step \(step)")
    }
  }

  /// RECUR_RANKS asks for more ranks: then each pair up to it.
  @Test func everyPairOfRankCounts() throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, ["distributed.reduction=strict", "train.epochs=4"])
    let whole = try run.train(recipe, out: "whole")
    let most = repetitions("RECUR_RANKS", usually: 4)
    for before in 1...most {
      let cut = try run.train(recipe, ranks: before, out: "cut", overwrite: true, stopAt: 7)
      #expect(cut.status == .interrupted && cut.steps == 8)
      for after in 1...most {
        let ended = try run.train(
          recipe, ranks: after, out: "ended", resume: .file(cut.checkpoint), overwrite: true)
        #expect(ended.parametersSHA256 == whole.parametersSHA256, "from \(before) to \(after) ranks")
        #expect(ended.epochLosses == whole.epochLosses, "from \(before) to \(after) ranks")
      }
    }
  }

  /// Stops asked for at random times on random ranks (RECUR_STOPS: so many): each saves the last finished step.
  @Test func stopsAtAnyTimeSaveTheLastStep() throws {
    let run = try TemporaryRun()
    var left = repetitions("RECUR_STOPS", usually: 60)
    let recipe = try recipe(run, ["distributed.reduction=strict", "train.epochs=200"])
    let whole = try run.train(recipe, out: "whole")
    while left > 0 {
      var report = try run.train(
        recipe, ranks: 2, out: "cut", overwrite: true, stopAfter: .random(in: 0...3000))
      var last = 0
      while report.status == .interrupted {
        left -= 1
        #expect(report.steps > last)
        last = report.steps
        #expect(try CheckpointFile(reading: report.checkpoint).state.step == report.steps)
        let ranks = Int.random(in: 1...3)
        report = try run.train(
          recipe, ranks: ranks, out: "cut", resume: .auto, stopAfter: left > 0 ? .random(in: 0...9000) : nil)
      }
      #expect(report.parametersSHA256 == whole.parametersSHA256)
    }
  }

  /// A value is kept only with the parameters it was measured for.
  @Test func onlyMeasuredParametersHaveAValue() throws {
    let run = try TemporaryRun()
    let recipe = try run.recipe("checkpoint={every_seconds: 1.0e-9, keep_last: 1000, every_epochs: 1}")
    _ = try run.train(recipe, out: "run")
    for step in 1...20 {
      let file = try CheckpointFile(
        reading: run.path + "/run/checkpoints/\(CatalogueEntry.name(of: step))")
      #expect((file.state.monitored == nil) == (file.state.position > 0), "step \(step)")
    }
  }

  /// Epochs take far less than the second that lies between saves: the best one is there all the same.
  @Test(arguments: 1...4) func theBestIsNeverLost(seed: Int) throws {
    let run = try TemporaryRun()
    let recipe = try run.recipe(
      "train.epochs=30", "optimizer.lr=0.2", "seed=\(seed)", "checkpoint.keep_last=1")
    let report = try run.train(recipe, out: "run")
    let lines = try String(contentsOfFile: run.path + "/run/metrics.jsonl", encoding: .utf8)
      .split(separator: "\n").map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
    let losses = lines.filter { $0?["event"] as? String == "epoch" }
      .map { (($0?["validation"] as? [String: Any])?["loss"] as? Double) ?? .nan }
    let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
    let file = try CheckpointFile(reading: try #require(report.bestCheckpoint))
    let value = try #require(file.state.monitored?.value)
    #expect(file.state.epoch == best + 1 && abs(value - losses[best]) < 1e-12)
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: run.path + "/run/checkpoints/best")
        == CatalogueEntry.name(of: 5 * (best + 1)))
    // Going on from it, the log has no line twice.
    let again = try run.train(
      try run.recipe("train.epochs=30", "optimizer.lr=0.2", "seed=\(seed)"), out: "again",
      resume: .file(file.path))
    #expect(again.parametersSHA256 == report.parametersSHA256)
  }
}
