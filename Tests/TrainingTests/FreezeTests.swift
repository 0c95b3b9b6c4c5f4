import Foundation
import TestSupport
import Testing
import Training

/// `train.freeze`: what is frozen keeps its bits, and the rest learns as PyTorch's does.
@Suite(.tags(.fast)) struct FreezeTests {
  private struct Case: Decodable {
    let cell: String
    let hiddenSize: Int
    let numLayers, projSize: Int?
    let bidirectional: Bool?
    let frozen, names: [String]
    let shapes: [[Int]]
    let outputs, parameters: Reference.Floats

    /// As weights.py sets them.
    var start: [(name: String, shape: [Int], values: [Float])] {
      zip(names, shapes).enumerated().map { place, named in
        let wave = Reference.wave(named.1.reduce(1, *), phase: 0.7 * Double(place))
        // Rounded as a product of float32 is.
        return (named.0, named.1, wave.map { $0 * 0.4 })
      }
    }
  }

  private func recipe(_ run: TemporaryRun, _ c: Case, _ more: [String]) throws -> Recipe {
    var file = WeightFile()
    for (name, shape, values) in c.start { file.add(name, shape, values) }
    try file.write(run.path + "/torch.safetensors")
    let frozen = c.frozen.map { "'\($0)'" }.joined(separator: ", ")
    let overrides =
      [
        "data.scale=none", "model.cell=\(c.cell)", "model.hidden_size=\(c.hiddenSize)",
        "model.num_layers=\(c.numLayers ?? 1)", "model.bidirectional=\(c.bidirectional ?? false)",
        "train.epochs=1", "train.batch_size=37", "train.clip_norm=0.25", "train.freeze=[\(frozen)]",
        "train.init_from=\(run.path)/torch.safetensors",
      ] + (c.projSize.map { ["model.proj_size=\($0)"] } ?? []) + more
    return try Recipe(
      yaml: run.recipe().effectiveYAML, path: "series.yaml", baseDirectory: run.path, overrides: overrides)
  }

  private static let sgd = "optimizer={name: sgd, lr: 0.5, weight_decay: 0.1}"

  @Test func `outputs of PyTorch's weights, and a step of SGD, are PyTorch's`() throws {
    let cases: [Case] = try Reference.load("weights.json")
    #expect(cases.count == 36)
    for c in cases {
      let run = try TemporaryRun()
      let still = try run.train(try recipe(run, c, ["train.epochs=0"]), out: "still")
      #expect(try TemporaryRun.parameters(still) == c.start.flatMap(\.values))
      let checkpoint = try CheckpointedModel(contentsOf: still.checkpoint)
      let data = try checkpoint.loadData()
      let evaluator = Evaluator(model: try checkpoint.model(for: data.shape), loss: .mse, scaler: nil)
      var outputs: [Float] = []
      try evaluator.predict(try #require(data.validation)) { outputs += $0.outputs }
      #expect(
        zip(outputs, c.outputs.values).allSatisfy { abs($0 - $1) < 1e-5 } && outputs.count == 8,
        "\(c.cell) \(c.names)")
      let stepped = try run.train(try recipe(run, c, [Self.sgd]), out: "stepped")
      let found = try TemporaryRun.parameters(stepped)
      #expect(
        relativeDifference(found, c.parameters.values) < 1e-6, "\(c.cell) \(c.frozen) \(c.names)")
      try expectKept(c, found)
    }
  }

  /// Frozen parameters have the bits that they began with, and all others don't.
  private func expectKept(_ c: Case, _ found: [Float]) throws {
    var place = 0
    for (name, _, values) in c.start {
      let now = found[place..<place + values.count]
      place += values.count
      let isFrozen = c.frozen.contains { NamePattern($0).matches(name) }
      #expect(now.elementsEqual(values) { $0.bitPattern == $1.bitPattern } == isFrozen, "\(c.frozen) \(name)")
    }
  }

  // With a decay: the recurrent weights of a direction that has seen one step have no gradient.
  private static let ways = [
    ["optimizer={name: adamw, lr: 0.05, weight_decay: 0.1}", "train.ema=0.9", "train.batch_size=8"],
    ["optimizer={name: adam, lr: 0.05, weight_decay: 0.1}", "distributed.reduction=strict", "train.ema=0.3"],
    ["optimizer={name: rmsprop, momentum: 0.5, weight_decay: 0.1}", "train.accumulate=2"],
    [
      "optimizer={name: sgd, lr: 0.1, momentum: 0.9, weight_decay: 0.1}",
      "distributed.optimizer_sharding=true", "train.clip_norm=null", "train.clip_value=0.01",
    ],
    ["optimizer={name: sgd, lr: 0.1, weight_decay: 0.1}", "distributed.compress=bf16"],
    [
      "optimizer={name: sgd, lr: 0.1, weight_decay: 0.1}", "distributed.reduction=strict",
      "train.accumulate=2",
    ],
  ]

  @Test(arguments: ways.indices, [1, 3])
  func `every bit is kept, whatever trains the others and on any ranks`(way: Int, ranks: Int) throws {
    let cases: [Case] = try Reference.load("weights.json")
    for c in cases where !c.frozen.isEmpty && c.numLayers == 2 {
      let run = try TemporaryRun()
      let recipe = try recipe(run, c, Self.ways[way] + ["train.epochs=2"])
      let report = try run.train(recipe, ranks: ranks, out: "run")
      try expectKept(c, TemporaryRun.parameters(report))
      let averages = try CheckpointFile(reading: report.checkpoint).tensors.filter {
        $0.name.hasPrefix("average.")
      }
      if !averages.isEmpty { try expectKept(c, averages.flatMap(\.values)) }
      guard ranks == 1, recipe.distributed.reduction == .strict else { continue }
      let many = try run.train(recipe, ranks: 3, out: "many", threads: 2)
      #expect(many.parametersSHA256 == report.parametersSHA256)
    }
  }

  @Test func `a resumed run freezes what it froze, and refuses another wish`() throws {
    let run = try TemporaryRun()
    let recipe = try run.recipe("train.freeze=['rnn.*']", "train.ema=0.9")
    let whole = try run.train(recipe, out: "whole")
    #expect(try run.train(recipe, out: "cut", stopAt: 4).status == .interrupted)
    #expect {
      try run.train(run.recipe("train.ema=0.9"), out: "cut", resume: .auto)
    } throws: {
      "\($0)".contains("can't resume: train.freeze")
    }
    let report = try run.train(recipe, out: "cut", resume: .auto)
    #expect(report.parametersSHA256 == whole.parametersSHA256)
  }
}
