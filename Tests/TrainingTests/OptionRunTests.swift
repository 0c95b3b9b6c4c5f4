import Foundation
import Recurrent
import TestSupport
import Testing
import Training

@Suite("Averages and clipping by value", .tags(.fast)) struct AverageTests {
  struct Case: Decodable, Sendable {
    struct Step: Decodable, Sendable { let parameters, average: Reference.Floats }
    let decay: Double
    let clip: Float?
    let steps: [Step]
  }

  @Test func `are PyTorch's`() throws {
    let cases: [Case] = try Reference.load("averages.json")
    #expect(cases.count == 4)
    for given in cases { check(given) }
  }

  private func check(_ given: Case) {
    var parameters = Reference.wave(7, phase: 0.2)
    let sgd = Optimizer(OptimizerSpecification(.sgd(), learningRate: 0.5), count: 7)
    parameters.withUnsafeMutableBufferPointer { parameters in
      let average = ParameterAverage(decay: given.decay, parameters)
      for (index, expected) in given.steps.enumerated() {
        var gradients = Reference.wave(7, phase: 0.9 + Double(index))
        gradients.withUnsafeMutableBufferPointer { gradients in
          if let clip = given.clip { gradients.scale(by: 1, limitedTo: clip) }
          sgd.update(parameters, gradients: gradients, learningRate: 0.5)
        }
        average.update(parameters, isFirst: index == 0)
        for (a, b) in zip(parameters, expected.parameters.values) { #expect(abs(a - b) < 1e-6) }
        for (a, b) in zip(average.values, expected.average.values) { #expect(abs(a - b) < 1e-6) }
      }
    }
  }
}

@Suite("Runs with every option", .tags(.fast)) struct OptionRunTests {
  private static let overrides = [
    "model.num_layers=2", "model.hidden_size=[5, 5]", "model.layer_norm=true", "model.recurrent_dropout=0.2",
    "model.zoneout=0.1",
    "model.proj_size=3", "model.learned_initial_state=true", "model.residual=true", "model.dropout=0.3",
    "model.locked_dropout=true", "model.init={orthogonal: true, forget_bias: 1}", "model.init_range=0.2",
    "train.ema=0.8",
    "train.clip_value=0.02",
  ]

  private func recipe(_ run: TemporaryRun, _ more: [String] = []) throws -> Recipe {
    try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/", overrides: Self.overrides + more)
  }

  @Test func `the effective recipe reads back`() throws {
    let recipe = try recipe(try TemporaryRun())
    let again = try Recipe(yaml: recipe.effectiveYAML, path: "r", baseDirectory: "/")
    #expect(again == recipe && again.effectiveYAML == recipe.effectiveYAML)
    #expect(recipe.model.hiddenSizes == [5, 5] && recipe.model.zoneout == .init(hidden: 0.1, cell: 0.1))
  }

  @Test func `many ranks equal one`() throws {
    let run = try TemporaryRun()
    // Adam would divide gradients that are next to nothing by themselves, and their rounding with them.
    let recipe = try recipe(run, ["optimizer={name: sgd, lr: 0.1}"])
    let one = try run.train(recipe, out: "one")
    for ranks in 2...3 {
      let many = try run.train(recipe, ranks: ranks, out: "many\(ranks)")
      #expect(try relativeDifference(TemporaryRun.parameters(many), TemporaryRun.parameters(one)) < 1e-6)
      #expect(abs(many.test!.loss - one.test!.loss) < 1e-5 * one.test!.loss)
    }
  }

  @Test func `a stopped run goes on as the same run, averages too`() throws {
    let run = try TemporaryRun()
    let whole = try run.train(try recipe(run), out: "whole")
    var report = try run.train(try recipe(run), out: "cut", stopAtOnce: true)
    while report.status == .interrupted {
      report = try run.train(try recipe(run), out: "cut", resume: .auto, stopAtOnce: true)
    }
    #expect(report.parametersSHA256 == whole.parametersSHA256)
    #expect(report.test == whole.test)
    #expect(
      averages(try CheckpointFile(reading: report.checkpoint))
        == averages(try CheckpointFile(reading: whole.checkpoint)))
  }

  private func averages(_ file: CheckpointFile) -> [Float] {
    file.tensors.filter { $0.name.hasPrefix("average.") }.flatMap(\.values)
  }

  @Test func `a checkpoint holds both, and evaluates the averages unless told otherwise`() throws {
    let run = try TemporaryRun()
    let report = try run.train(try recipe(run), out: "a")
    let file = try CheckpointFile(reading: report.checkpoint)
    let own = file.modelTensors.flatMap(\.values)
    #expect(own.count == report.parameters && averages(file).count == own.count && averages(file) != own)
    let averaged = try evaluate(report.runDirectory, [])
    let last = try evaluate(report.runDirectory, ["train.ema=null"])
    #expect(averaged == report.test && last != report.test)
    let exported = run.path + "/export.safetensors"
    try file.exportModel(to: exported)
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: exported)).suffix(4 * own.count) == bytes(averages(file)))
  }

  private func evaluate(_ path: String, _ overrides: [String]) throws -> EvaluationMetrics {
    let checkpoint = try CheckpointedModel(contentsOf: path, overrides: overrides)
    let data = try checkpoint.loadData()
    return try Evaluator(
      model: checkpoint.model(for: data.shape), loss: checkpoint.recipe.loss, scaler: data.scaler
    ).evaluate(data.test!)
  }

  private func bytes(_ values: [Float]) -> Data { values.withUnsafeBytes { Data($0) } }
}
