import Foundation
import TestSupport
import Testing
import Training

/// What `distributed` offers beside plain sums: the same model to the tolerance it states.
@Suite(.tags(.fast)) struct FastReductionTests {
  private static let overrides = [
    "model.num_layers=2", "model.dropout=0.2", "train.clip_norm=0.05", "train.epochs=6", "train.batch_size=7",
    "checkpoint.every_epochs=2", "checkpoint.keep_last=9", "checkpoint.every_seconds=0.02",
  ]

  private func recipe(_ run: TemporaryRun, _ overrides: [String]) throws -> Recipe {
    try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/", overrides: Self.overrides + overrides)
  }

  @Test(arguments: [
    (["distributed.optimizer_sharding=true"], 1e-6), (["distributed.compress=bf16"], 1e-2),
    (["distributed={optimizer_sharding: true, compress: bf16}"], 1e-2),
    (["distributed={optimizer_sharding: true, coordinator: dedicated}"], 1e-6),
    (["distributed.optimizer_sharding=true", "optimizer={name: sgd, lr: 0.1, momentum: 0.9}"], 1e-6),
    (["distributed.optimizer_sharding=true", "optimizer={name: lamb, lr: 0.01}"], 1e-6),
    (["distributed.optimizer_sharding=true", "optimizer={name: lars, lr: 5}"], 1e-6),
  ])
  func equalsThePlainSum(overrides: [String], tolerance: Double) throws {
    let run = try TemporaryRun()
    let optimizer = overrides.filter { $0.hasPrefix("optimizer=") }
    let plain = try run.train(recipe(run, optimizer), out: "plain")
    for ranks in 2...4 {
      let other = try run.train(recipe(run, overrides), ranks: ranks, out: "other\(ranks)")
      #expect(other.steps == plain.steps)
      // Parameters, and what the optimizer keeps of every one of them.
      let files = try [other, plain].map { try CheckpointFile(reading: $0.checkpoint) }
      for prefix in ["optimizer.", "rnn", "fc"] {
        let values = files.map { $0.tensors.filter { $0.name.hasPrefix(prefix) }.flatMap(\.values) }
        #expect(values[0].count == values[1].count)
        #expect(relativeDifference(values[0], values[1]) < (prefix == "optimizer." ? 10 : 1) * tolerance)
      }
    }
  }

  /// A checkpoint has all of the optimizer's state: it serves any number of ranks, with slices or without.
  @Test func aShardedRunGoesOnOnAnyNumberOfRanks() throws {
    let run = try TemporaryRun()
    let sharded = try recipe(run, ["distributed.optimizer_sharding=true"])
    let whole = try run.train(try recipe(run, []), out: "whole")
    var report = try run.train(sharded, ranks: 3, out: "cut", stopAtOnce: true)
    var rounds = 0
    while report.status == .interrupted {
      rounds += 1
      let next = rounds % 3 == 0 ? try recipe(run, []) : sharded
      report = try run.train(next, ranks: rounds % 4 + 1, out: "cut", resume: .auto, stopAtOnce: true)
    }
    #expect(rounds > 20)
    #expect(try relativeDifference(TemporaryRun.parameters(report), TemporaryRun.parameters(whole)) < 1e-6)
  }

  @Test(arguments: ["compress=bf16", "optimizer_sharding=true"]) func strictRefusesIt(setting: String) throws
  {
    let run = try TemporaryRun()
    let error = #expect(throws: (any Error).self) {
      try recipe(run, ["distributed.reduction=strict", "distributed.\(setting)"])
    }
    #expect("\(error!)".contains("bits depend on the number of ranks"))
  }
}
