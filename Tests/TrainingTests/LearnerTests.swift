import Batches
import Collective
import Recurrent
import TestSupport
import Testing
import Training

@Suite("A learner", .tags(.fast)) struct LearnerTests {
  private func model() throws -> Model {
    var network = Network(.lstm, inputs: 2, hidden: 7, steps: 5, head: [.linear(3)])
    network.readout = .lastStep
    return try Model(network, seed: 3)
  }

  /// Samples of several lengths, those of one rank.
  private func batch(_ step: Int, _ samples: Range<Int> = 0..<6) throws -> Batch {
    let sequences = samples.map { Reference.wave(2 * (1 + ($0 + step) % 5), phase: Double($0 + 10 * step)) }
    let targets = samples.flatMap { Reference.wave(3, phase: Double($0) + 0.5) }
    return try Batch(sequences, features: 2).targets(targets, width: 3)
  }

  @Test func `learns`() throws {
    let learner = Learner(try model(), optimizer: .adam(learningRate: 0.02))
    let losses = try (0..<200).map { _ in try learner.step(batch(0)).loss }
    #expect(losses[199] < 0.01 * losses[0] && losses.allSatisfy { $0.isFinite })
  }

  /// The calls one by one, and a loss of the program's own: the same bits.
  @Test func `takes the same step in five calls, and with a loss that a program wrote`() throws {
    let (whole, parts, own) = (try Learner(model()), try Learner(model()), try Learner(model()))
    for step in 0..<5 {
      let outcome = try whole.step(batch(step), learningRate: 0.1)
      let batch = try batch(step)
      parts.begin()
      try parts.forward(batch, step: step)
      try parts.addLoss()
      parts.backward()
      try parts.sum()
      let other = try parts.update(learningRate: 0.1)
      #expect(other.loss == outcome.loss && other.gradientNorm == outcome.gradientNorm)
      let targets = BatchArrays(batch).values
      let third = try own.step(batch, learningRate: 0.1) { outputs, gradient in
        var sum = 0.0
        for i in outputs.indices {
          let d = outputs[i] - targets[i]
          sum += Double(d) * Double(d)
          gradient[i] = 2 * d
        }
        return Loss.Total(sum: sum, weight: Double(outputs.count))
      }
      #expect(third.gradientNorm == outcome.gradientNorm && abs(third.loss - outcome.loss) < 1e-12)
    }
    #expect(Array(whole.model.parameters) == Array(parts.model.parameters))
    #expect(Array(whole.model.parameters) == Array(own.model.parameters))
  }

  /// Of so many classes the loss is computed in backward, together with the last layer. With more units than a narrow vector, so that a loss
  /// of arrays takes the same kernels as the model.
  private func classifier() throws -> Learner {
    var network = Network(.gru, inputs: 2, hidden: 9, steps: 5, head: [.linear(600)])
    network.readout = .everyStep
    return try Learner(Model(network, seed: 3), loss: .crossEntropy())
  }

  private func classified(_ step: Int) throws -> (batch: Batch, classes: [Int32]) {
    let sequences = (0..<6).map { Reference.wave(2 * (1 + ($0 + step) % 5), phase: Double($0 + 10 * step)) }
    let classes = Reference.classes(sequences.reduce(0) { $0 + $1.count / 2 }, width: 600, ignore: nil)
    let batch = try Batch(sequences, features: 2)
    return (try batch.targetsPerStep(classes: classes, of: 600), BatchArrays(batch).classes)
  }

  @Test func `takes the same step of many classes as with a loss that a program wrote`() throws {
    let (whole, own) = (try classifier(), try classifier())
    for step in 0..<4 {
      let outcome = try whole.step(classified(step).batch, learningRate: 0.1)
      let (batch, classes) = try classified(step)
      let other = try own.step(batch, learningRate: 0.1) { outputs, gradient in
        let (values, width) = ((0..<outputs.count).map { outputs[$0] }, outputs.count / classes.count)
        let loss = try Loss.crossEntropy().evaluate(values, classes: classes)
        for i in 0..<width * classes.count { gradient[i] = loss.gradient[i] }
        return loss.total
      }
      #expect(other.loss == outcome.loss && other.gradientNorm == outcome.gradientNorm)
      #expect(outcome.counted == Double(classes.count) && outcome.right < outcome.counted)
    }
    #expect(Array(whole.model.parameters) == Array(own.model.parameters))
  }

  /// Nobody wanted its gradient: the loss counts all the same, and its gradient does not.
  @Test func `adds a loss of many classes whose gradient is not asked for`() throws {
    let (measured, taught) = (try classifier(), try classifier())
    for learner in [measured, taught] {
      learner.begin()
      try learner.forward(classified(0).batch)
      try learner.addLoss()
    }
    taught.backward()
    for learner in [measured, taught] { try learner.sum() }
    #expect(measured.model.gradients.allSatisfy { $0 == 0 })
    #expect(taught.model.gradients.contains { $0 != 0 })
    let losses = try [measured, taught].map { try $0.update(learningRate: 0).loss }
    #expect(losses[0] == losses[1] && losses[0] > 1)
  }

  @Test func `takes one step for any number of ranks`() throws {
    func train(_ ranks: Int) throws -> [[Float]] {
      try Threaded.withRanks(ranks) { group in
        let learner = Learner(try model(), group: ProcessGroup(group), clipNorm: 0.3)
        for step in 0..<4 {
          let part = equalPart(group.rank, of: 6, among: ranks)
          let outcome = try learner.step(batch(step, part), learningRate: 0.01)
          #expect(outcome.result == .updated && outcome.weight == 18)
        }
        return Array(learner.model.parameters)
      }
    }
    let alone = try train(1)[0]
    for ranks in [2, 3] {
      let together = try train(ranks)
      #expect(together.allSatisfy { $0 == together[0] })
      #expect(zip(together[0], alone).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }

  /// Categories beside numbers, and a step of Adam of PyTorch's own.
  @Test func `takes PyTorch's step with categories, for any number of ranks`() throws {
    let cases: [CategoryCase] = try Reference.load("categories.json")
    for expected in cases {
      for ranks in 1...min(4, expected.lengths.count) {
        let found = try Threaded.withRanks(ranks) { group in
          let model = try Model(expected.network, seed: expected.seed)
          let learner = Learner(model, optimizer: .adam(learningRate: 0.01), group: ProcessGroup(group))
          let part = equalPart(group.rank, of: expected.lengths.count, among: ranks)
          try learner.step(expected.batch(part))
          return Array(model.parameters)
        }
        #expect(found.allSatisfy { $0 == found[0] })
        // Adam's first step is as large where a gradient is next to nothing.
        #expect(relativeDifference(found[0], expected.stepped.values) < 1e-4, "\(expected.seed), \(ranks)")
      }
    }
  }

  @Test func `takes no step from numbers that are not finite, nor without weight`() throws {
    let learner = try Learner(model())
    let before = Array(learner.model.parameters)
    let bad = try Batch([[1, .infinity]], features: 2).targets([1, 2, 3], width: 3)
    let outcome = try learner.step(bad)
    #expect(outcome.result == .notFinite && outcome.loss.isNaN)
    let weightless = try learner.step(batch(0)) { _, _ in Loss.Total() }
    #expect(weightless.result == .weightless)
    #expect(Array(learner.model.parameters) == before)
  }
}
