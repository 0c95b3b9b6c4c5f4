import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// `train.epochs: 0` saves the first parameters as they are, and the run goes on from there as one that never stopped.
@Suite(.tags(.fast)) struct UntrainedRunTests {
  private static let always = [
    "train.ema=0.9", "model.dropout=0.3", "model.num_layers=2", "optimizer.lr=0.03",
    "early_stopping={patience: 1000, metric: validation.rmse}",
  ]

  private func recipe(_ run: TemporaryRun, _ more: [String]) throws -> Recipe {
    try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/", overrides: Self.always + more)
  }

  @Test func `the first parameters are saved, measured and said`() throws {
    let run = try TemporaryRun()
    let file = WeightFile.sample(prefix: "rnn.")
    try file.write(run.path + "/net.safetensors")
    let recipe = try run.recipe("train.epochs=0", "train.init_from=\(run.path)/net.safetensors")
    let report = try run.train(recipe, out: "run")
    #expect(report.status == .completed && report.epochs == 0 && report.steps == 0)
    #expect(report.trainLoss == nil && report.epochLosses == [] && report.bestCheckpoint == nil)
    #expect(report.checkpoint.hasSuffix("step-00000000.safetensors"))
    #expect(try TemporaryRun.parameters(report) == file.parameters)
    // One line, of the end, with what the parameters are worth.
    let log = try String(contentsOfFile: run.path + "/run/metrics.jsonl", encoding: .utf8)
    #expect(log.split(separator: "\n").count == 1)
    let end = try #require(try run.metrics("run", "end").first)
    #expect(end["status"] as? String == "completed" && end["step"] as? Int == 0 && end["epochs"] as? Int == 0)
    #expect(end["train_loss"] == nil || end["train_loss"] is NSNull)
    for part in ["validation", "test"] {
      #expect((end[part] as? [String: Any])?["loss"] is Double, "\(part)")
    }
    let checkpoint = try CheckpointedModel(contentsOf: run.path + "/run")
    let data = try checkpoint.loadData()
    let evaluator = Evaluator(
      model: try checkpoint.model(for: data.shape), loss: checkpoint.recipe.loss, scaler: data.scaler)
    #expect(try evaluator.evaluate(#require(data.test)) == report.test)
  }

  @Test(
    arguments: [
      "schedule=constant", "schedule=cosine", "schedule={name: step, step_size: 1, warmup_steps: 9}",
      "schedule={name: plateau, patience: 0, threshold: 0.5}",
    ], [1, 3])
  func `it goes on as a run that never stopped`(_ schedule: String, _ ranks: Int) throws {
    let run = try TemporaryRun()
    let strict = "distributed.reduction=strict"
    let whole = try run.train(recipe(run, [schedule, strict, "train.epochs=4"]), out: "whole")
    let still = try recipe(run, [schedule, strict, "train.epochs=0"])
    let first = try run.train(still, ranks: ranks, out: "run")
    #expect(first.steps == 0)
    let begun = try TemporaryRun.parameters(first)
    // Again nothing is trained.
    let same = try run.train(still, ranks: ranks, out: "run", resume: .auto)
    #expect(same.steps == 0 && same.checkpoint == first.checkpoint)
    #expect(try TemporaryRun.parameters(same) == begun)
    let ended = try run.train(
      recipe(run, [schedule, strict, "train.epochs=4"]), ranks: ranks, out: "run", resume: .auto)
    #expect(ended.parametersSHA256 == whole.parametersSHA256 && ended.epochLosses == whole.epochLosses)
    #expect(ended.test == whole.test && ended.steps == whole.steps)
    func lines(_ out: String) throws -> [String] {
      try String(contentsOfFile: "\(run.path)/\(out)/metrics.jsonl", encoding: .utf8).split(separator: "\n")
        .map { String($0).replacing(/,"[a-z_]*(seconds|per_second)":[^,}]*/, with: "") }
    }
    // The line of the first end is gone: the run has only one.
    #expect(try run.metrics("run", "end").count == 1)
    if ranks == 1 { #expect(try lines("run") == lines("whole")) }
  }

  @Test func `with a coordinator of its own`() throws {
    let run = try TemporaryRun()
    let settings = ["distributed={coordinator: dedicated, reduction: strict}"]
    let whole = try run.train(recipe(run, settings + ["train.epochs=3"]), ranks: 3, out: "whole")
    let first = try run.train(recipe(run, settings + ["train.epochs=0"]), ranks: 3, out: "run")
    #expect(first.steps == 0 && first.status == .completed && first.test != nil)
    let ended = try run.train(
      recipe(run, settings + ["train.epochs=3"]), ranks: 3, out: "run", resume: .auto)
    #expect(ended.parametersSHA256 == whole.parametersSHA256 && ended.test == whole.test)
  }

  @Test func `what would be another run is refused as later`() throws {
    let run = try TemporaryRun()
    _ = try run.train(recipe(run, ["train.epochs=0"]), out: "run")
    let failure = #expect(throws: Failure.self) {
      try run.train(
        recipe(run, ["train.epochs=4", "optimizer.lr=0.1"]), out: "run", resume: .auto)
    }
    #expect(failure?.message.contains("can't resume: optimizer.lr") == true)
  }
}
