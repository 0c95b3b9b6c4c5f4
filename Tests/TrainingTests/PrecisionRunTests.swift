import Collective
import Diagnostics
import Foundation
import Kernels
import TestSupport
import Testing
import Training

/// `precision: bf16` through whole runs.
@Suite(.tags(.fast)) struct PrecisionRunTests {
  private static let longer = ["train.epochs=60", "model.hidden_size=24", "train.batch_size=10"]

  private func recipe(_ run: TemporaryRun, _ overrides: [String]) throws -> Recipe {
    try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/", overrides: Self.longer + overrides)
  }

  @Test(arguments: ["rnn", "lstm", "gru"]) func lossesFollowFloat32(cell: String) throws {
    let run = try TemporaryRun()
    let exact = try run.train(recipe(run, ["model.cell=\(cell)"]), out: "exact")
    let rounded = try run.train(recipe(run, ["model.cell=\(cell)", "precision=bf16"]), out: "rounded")
    #expect(rounded.parametersSHA256 != exact.parametersSHA256)
    #expect(exact.epochLosses.last! < 0.3 * exact.epochLosses.first!)
    for (found, known) in zip(rounded.epochLosses, exact.epochLosses) {
      #expect(abs(found - known) < 0.1 * known + 1e-4)
    }
  }

  @Test func evaluationGivesWhatTrainingGave() throws {
    let run = try TemporaryRun()
    let report = try run.train(recipe(run, ["precision=bf16"]), out: "out")
    let checkpoint = try CheckpointedModel(contentsOf: report.runDirectory)
    let data = try checkpoint.loadData()
    let model = try checkpoint.model(for: data.shape)
    #expect(model.kernels.isBF16)
    let evaluator = Evaluator(model: model, loss: checkpoint.recipe.loss, scaler: data.scaler)
    #expect(try evaluator.evaluate(data.test!) == report.test)
  }

  @Test func strictRunsHaveTheSameBits() throws {
    let run = try TemporaryRun()
    let strict = try recipe(run, ["precision=bf16", "distributed.reduction=strict", "train.epochs=2"])
    let one = try run.train(strict, out: "one")
    for ranks in [2, 3] {
      let many = try run.train(strict, ranks: ranks, out: "\(ranks)", threads: ranks)
      #expect(many.parametersSHA256 == one.parametersSHA256)
    }
  }

  @Test func otherPrecisionsAreRefused() throws {
    let run = try TemporaryRun()
    let failure = try #require(throws: Failure.self) { try run.recipe("precision=fp16") }
    #expect(failure.message.contains("precision") && failure.message.contains("bf16"))
  }
}
