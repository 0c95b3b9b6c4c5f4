import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// `reduction: strict`: the number of ranks and threads leaves no trace in the parameters.
@Suite(.tags(.fast)) struct StrictTests {
  /// Four batches of 10 samples and a last one of 7, fewer than there are lanes.
  private static let always = [
    "distributed.reduction=strict", "train.batch_size=10", "train.epochs=2", "train.clip_norm=0.05",
  ]

  private func train(_ run: TemporaryRun, _ overrides: [String], ranks: Int, threads: Int? = nil) throws
    -> TrainingReport
  {
    let recipe = try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/", overrides: Self.always + overrides)
    let out = "\(ranks)-\(threads ?? 0)-\(UUID().uuidString)"
    return try run.train(recipe, ranks: ranks, out: out, threads: threads)
  }

  @Test(arguments: [
    ["model.cell=rnn", "model.dropout=0.3"], ["model.cell=lstm", "model.bidirectional=true"],
    ["model.cell=gru", "model.bidirectional=true", "model.dropout=0.5", "train.accumulate=2"],
    ["distributed.lanes=3", "model.dropout=0.3"],
    ["model.peepholes=true", "model.bidirectional=true", "model.zoneout=0.1", "model.proj_size=3"],
    ["model.cell=gru", "model.reset_after=false", "model.recurrent_dropout=0.2", "model.bidirectional=true"],
    [
      "model.layer_norm=true", "model.recurrent_dropout=0.2", "model.zoneout=0.1", "model.proj_size=3",
      "model.learned_initial_state=true", "model.residual=true", "model.dropout=0.3",
      "model.locked_dropout=true",
      "train.ema=0.9", "train.clip_norm=null", "train.clip_value=0.01",
    ],
    [
      "data.targets=null", "data.label=d", "loss={name: cross_entropy, class_weights: [1, 3]}",
      "model.head=[{linear: 2}]", "early_stopping={metric: train.loss, patience: 1}",
    ],
  ])
  func sameBitsForAnyNumberOfRanks(overrides: [String]) throws {
    let run = try TemporaryRun()
    let overrides =
      ["model.num_layers=2", "model.head=[{linear: 4}, tanh, {dropout: 0.2}, {linear: 1}]"]
      + overrides
    let one = try train(run, overrides, ranks: 1)
    #expect(one.steps == 8)
    for ranks in 2...8 {
      let many = try train(run, overrides, ranks: ranks)
      #expect(many.parametersSHA256 == one.parametersSHA256, "\(ranks) ranks")
      #expect(many.epochLosses == one.epochLosses && many.validation == one.validation)
    }
  }

  @Test func sameBitsForAnyNumberOfThreads() throws {
    let run = try TemporaryRun()
    let reports = try [1, 2, 3].map {
      try train(run, ["model.hidden_size=128", "train.epochs=1"], ranks: 1, threads: $0)
    }
    #expect(reports.allSatisfy { $0.parametersSHA256 == reports[0].parametersSHA256 })
  }

  @Test func lanesAddUpToTheBatch() throws {
    let run = try TemporaryRun()
    let strict = try train(run, [], ranks: 3)
    let fast = try train(run, ["distributed.reduction=fast"], ranks: 1)
    #expect(strict.parametersSHA256 != fast.parametersSHA256)
    #expect(try relativeDifference(TemporaryRun.parameters(strict), TemporaryRun.parameters(fast)) < 1e-6)
    let other = try train(run, ["distributed.lanes=5"], ranks: 3)
    #expect(other.parametersSHA256 != strict.parametersSHA256)
  }

  @Test func aRunChangesItsRanksButNotItsLanes() throws {
    let run = try TemporaryRun()
    let recipe = try run.recipe("distributed.reduction=strict", "model.num_layers=2", "model.dropout=0.3")
    let whole = try run.train(recipe, out: "whole")
    var report = try run.train(recipe, ranks: 2, out: "cut", stopAtOnce: true)
    var ranks = 2
    while report.status == .interrupted {
      ranks = ranks % 5 + 1
      report = try run.train(recipe, ranks: ranks, out: "cut", resume: .auto, stopAtOnce: true)
    }
    #expect(report.parametersSHA256 == whole.parametersSHA256)
    #expect(report.epochLosses == whole.epochLosses)
    let other = try run.recipe(
      "distributed={reduction: strict, lanes: 4}", "model.num_layers=2", "model.dropout=0.3")
    let error = #expect(throws: Failure.self) { try run.train(other, out: "cut", resume: .auto) }
    #expect(error?.message.contains("distributed.lanes: 4") == true, "\(error?.message ?? "")")
  }
}
