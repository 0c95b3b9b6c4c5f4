import Collective
import Foundation
import Kernels
import Recurrent
import TestSupport
import Testing
import Training

/// A case of Tests/Reference/large.json: the start is wave(58, 1) with zeros at its end, the gradient of step k (from 0) wave(58, 2 + k).
private struct LayerwiseCase: Decodable, Sendable {
  struct Options: Decodable, Sendable {
    let name: String
    let lr: Double
    let momentum, trust, eps, weightDecay: Double?
    let betas: [Double]?
    let nesterov, adaptVectors: Bool?

    var specification: OptimizerSpecification {
      let rule: OptimizerSpecification.Rule =
        name == "lamb"
        ? .lamb(
          beta1: betas?[0] ?? 0.9, beta2: betas?[1] ?? 0.999, eps: eps ?? 1e-6,
          adaptsVectors: adaptVectors ?? true)
        : .lars(
          momentum: momentum ?? 0.9, nesterov: nesterov ?? false, trust: trust ?? 1e-3, eps: eps ?? 1e-8,
          adaptsVectors: adaptVectors ?? true)
      return OptimizerSpecification(rule, learningRate: lr, weightDecay: weightDecay)
    }
  }
  let options: Options
  let after: [String: Reference.Floats]
}

private struct LargeBatchReference: Decodable, Sendable {
  let shapes: [[Int]]
  let optimizers: [LayerwiseCase]

  var layout: ParameterLayout {
    var layout = ParameterLayout()
    for (index, shape) in shapes.enumerated() { layout.add("tensor\(index)", shape) }
    return layout
  }
}

@Suite("Optimizers for large batches", .tags(.fast)) struct LayerwiseTests {
  /// Updates from the case's start, with gradients handed over times `factor`.
  private func run(
    _ optimizer: Optimizer, steps: Int, team: Team? = nil, factor: Float = 1
  ) -> [Float] {
    var parameters = Reference.wave(optimizer.count, phase: 1)
    for index in parameters.indices.suffix(4) { parameters[index] = 0 }
    for step in 0..<steps {
      var gradients = Reference.wave(optimizer.count, phase: Double(2 + step)).map { $0 * factor }
      parameters.withUnsafeMutableBufferPointer { parameters in
        gradients.withUnsafeMutableBufferPointer {
          optimizer.update(
            parameters, gradients: $0, scale: 1 / factor,
            learningRate: optimizer.specification.learningRate, team: team)
        }
      }
    }
    return parameters
  }

  @Test func `are the papers'`() throws {
    let reference = try Reference.load("large.json", as: LargeBatchReference.self)
    #expect(reference.optimizers.count == 6)
    for (test, kernels) in reference.optimizers.flatMap({ test in KernelSet.available.map { (test, $0) } }) {
      for (steps, expected) in test.after {
        for factor: Float in [1, 64] {
          let optimizer = Optimizer(test.options.specification, reference.layout, kernels: kernels)
          let found = run(optimizer, steps: Int(steps)!, factor: factor)
          let error = relativeDifference(found, expected.values)
          #expect(error < 1e-6, "\(kernels.name) \(test.options) after \(steps): \(error)")
        }
      }
    }
  }

  @Test func `any number of threads gives the same bits`() throws {
    var layout = ParameterLayout()
    layout.add("large", [700, 500])
    layout.add("bias", [700])
    for rule in [OptimizerSpecification.Rule.lamb(), .lars()] {
      let specification = OptimizerSpecification(rule, weightDecay: 0.1)
      let alone = run(Optimizer(specification, layout), steps: 3)
      for threads in 2...3 {
        #expect(try run(Optimizer(specification, layout), steps: 3, team: Team(threads: threads)) == alone)
      }
    }
  }

  @Test func `parameters without a layout are one tensor`() throws {
    var layout = ParameterLayout()
    layout.add("all", [5, 8])
    let specification = OptimizerSpecification(.lamb())
    #expect(
      run(Optimizer(specification, count: 40), steps: 3) == run(Optimizer(specification, layout), steps: 3))
  }

  @Test(arguments: ["{name: lamb, lr: 0.02}", "{name: lars, lr: 5, weight_decay: 0.01}"])
  func `runs resume, freeze, and go on with the same bits on any ranks`(optimizer: String) throws {
    let run = try TemporaryRun()
    let overrides = [
      "optimizer=\(optimizer)", "train.freeze=[fc.*]", "distributed.reduction=strict",
      "checkpoint.every_epochs=1",
    ]
    let recipe = try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/", overrides: overrides)
    let whole = try run.train(recipe, out: "whole")
    for ranks in [1, 3] {
      let cut = try run.train(recipe, ranks: ranks, out: "cut\(ranks)", stopAt: 9)
      #expect(cut.status == .interrupted)
      let again = try run.train(recipe, ranks: 4 - ranks, out: "cut\(ranks)", resume: .auto)
      #expect(again.parametersSHA256 == whole.parametersSHA256)
    }
    let start = try run.train(
      run.recipe("train.epochs=0", "optimizer=\(optimizer)"), out: "start")
    let (first, last) = (
      try CheckpointFile(reading: start.checkpoint), try CheckpointFile(reading: whole.checkpoint)
    )
    for (a, b) in zip(first.modelTensors, last.modelTensors) {
      #expect((a.values == b.values) == a.name.hasPrefix("fc."), "\(a.name)")
    }
  }
}

@Suite("Schedules for large batches", .tags(.fast)) struct LargeBatchScheduleTests {
  private func rate(_ run: TemporaryRun, _ overrides: String..., out: String) throws -> [Double] {
    let recipe = try Recipe(
      yaml: run.recipe("train.log_every_steps=1").effectiveYAML, path: "r", baseDirectory: "/",
      overrides: overrides)
    _ = try run.train(recipe, out: out)
    return try run.metrics(out, "step").map { try #require($0["learning_rate"] as? Double) }
  }

  @Test func `the rate grows with the batch`() throws {
    let run = try TemporaryRun()
    let base = "schedule.base_batch_size=2"
    #expect(
      try rate(run, "schedule.scale_lr=linear", base, out: "linear") == Array(repeating: 0.04, count: 20))
    #expect(try rate(run, "schedule.scale_lr=sqrt", base, out: "sqrt") == Array(repeating: 0.02, count: 20))
    #expect(try rate(run, "schedule.scale_lr=none", out: "none") == Array(repeating: 0.01, count: 20))
  }

  /// An epoch has five steps.
  @Test func `a warm-up may be counted in epochs`() throws {
    let run = try TemporaryRun()
    let epochs = try rate(run, "schedule.warmup_epochs=1.5", out: "epochs")
    #expect(epochs == (try rate(run, "schedule.warmup_steps=8", out: "steps")))
    #expect(epochs[6] < 0.01 && epochs[7] == 0.01)
  }

  @Test(arguments: [
    ("schedule={name: constant, warmup_steps: 3, warmup_epochs: 1}", "exclude each other"),
    ("schedule={name: constant, scale_lr: linear}", "needs schedule.base_batch_size"),
    ("schedule={name: constant, base_batch_size: 8}", "schedule.base_batch_size needs schedule.scale_lr"),
    ("train={epochs: 1, batch_size: 8, accumulate: 2, micro_batch_size: 3}", "exclude each other"),
    ("optimizer={name: lars, momentum: 0, nesterov: true}", "needs a momentum above 0"),
    ("optimizer={name: lamb, trust: 0.1}", "trust"),
  ]) func `what contradicts itself is refused`(override: String, words: String) throws {
    let run = try TemporaryRun()
    let error = #expect(throws: (any Error).self) { try run.recipe(override) }
    #expect("\(error!)".contains(words))
  }

  /// A batch of eight by parts of three is that of eight.
  @Test(arguments: [1, 2, 3]) func `gradients are added until a batch is done`(ranks: Int) throws {
    let run = try TemporaryRun()
    let whole = try run.train(run.recipe(), ranks: ranks, out: "whole")
    for size in [1, 3, 8, 100] {
      let parts = try run.train(
        run.recipe("train.micro_batch_size=\(size)"), ranks: ranks, out: "parts\(size)")
      #expect(try relativeDifference(TemporaryRun.parameters(parts), TemporaryRun.parameters(whole)) < 1e-5)
      let strict = try [1, ranks].map {
        try run.train(
          run.recipe("train.micro_batch_size=\(size)", "distributed={reduction: strict, lanes: 2}"),
          ranks: $0, out: "strict\(size)", overwrite: true)
      }
      #expect(strict[0].parametersSHA256 == strict[1].parametersSHA256)
    }
  }
}
