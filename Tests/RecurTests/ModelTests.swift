import Foundation
import Recur
import TestSupport
import Testing

/// What a program does with a model, without a pointer: what does not fit is one line, and never a trap.
@Suite("A model of a program's own", .tags(.fast)) struct ModelTests {
  private static let lstm = Network(.lstm, inputs: 2, hidden: 5, readout: .lastStep, head: [.linear(3)])

  /// The line of a failure.
  private static func refusal<T>(_ body: () throws -> T) -> String? {
    do {
      _ = try body()
      return nil
    } catch {
      return (error as? Failure)?.message
    }
  }

  @Test func `refuses batches that it does not read`() throws {
    let learner = try Learner(Model(Self.lstm, seed: 1))
    let right = try Batch([[1, 2, 3, 4]], features: 2)
    var fixed = Network(.rnn, inputs: 2, hidden: 3, readout: .allSteps, steps: 3, head: [.linear(1)])
    let flat = try Learner(Model(fixed, seed: 1))
    fixed.readout = .everyStep
    let each = try Learner(Model(fixed, seed: 1))
    let cases: [(String, () throws -> StepOutcome)] = [
      ("2 numbers a step, the batch has 1", { try learner.step(Batch([[1]], features: 1).targets([1])) }),
      ("numbers, the batch has tokens", { try learner.step(Batch([[1]], vocabulary: 2).targets([1])) }),
      ("no targets", { try learner.step(right) }),
      (
        "the data has 1 target columns, but the network has 3 outputs",
        { try learner.step(right.targets([1])) }
      ),
      ("use cross entropy", { try learner.step(right.targets(classes: [1], of: 3)) }),
      ("read out every step", { try learner.step(right.targetsPerStep([1, 2])) }),
      ("samples of 3 steps, the batch has 2", { try flat.step(right.targets([1])) }),
      ("`targetsPerStep`", { try each.step(right.targets([1])) }),
    ]
    for (words, step) in cases {
      let found = Self.refusal(step)
      #expect(found?.contains(words) == true, "\(words): \(found ?? "taken")")
    }
  }

  @Test func `refuses numbers of other shapes`() throws {
    let model = try Model(Self.lstm, seed: 1)
    let batch = try Batch([[1, 2]], features: 2)
    let cell = try LSTMCell(inputs: 2, hidden: 3, seed: 1)
    let cases: [(String, () throws -> Any)] = [
      ("5 numbers are no tensor of shape [2, 3]", { try Tensor([1, 2, 3, 4, 5], shape: [2, 3]) }),
      ("row 1 has 1 numbers, row 0 has 2", { try Tensor([[1, 2], [3]]) }),
      ("no tensor of shape", { try Tensor(repeating: 0, shape: [.max, 2]) }),
      ("inputs are [B, T, F], not [2]", { try Batch(Tensor([1, 2])) }),
      ("sequence 1 is [T, 2], not 3", { try Batch([[1, 2], [1, 2, 3]], features: 2) }),
      ("sequence 0, step 1: token 4 is not in 0..<4", { try Batch([[0, 4]], vocabulary: 4) }),
      (
        "code 3 of column 0 is not in 0..<3",
        { try Batch([[1]], features: 1, codes: [[3]], categories: [3]) }
      ),
      ("not 0, 1 and 1", { try Batch(steps: 0, samples: 1) { _, _, _ in 0 } }),
      ("targets are [1, 2], not 3", { try batch.targets([1, 2, 3], width: 2) }),
      ("class 4 is not in 0..<4", { try batch.targets(classes: [4], of: 4) }),
      ("weights are [1]", { try batch.weighted([1, 2]) }),
      ("no parameter fc; this network has rnn.weight_ih_l0", { try model.parameter("fc") }),
      ("fc.bias has shape [3], not [2]", { try model.setParameter("fc.bias", to: Tensor([1, 2])) }),
      ("the input is [B, 2], not 3", { try cell.step([1, 2, 3]) }),
      ("the state is [1, 3], not 2", { try cell.step([1, 2], RecurrentState(hidden: [1, 2])) }),
      ("at most 2^30", { try Model(Network(.gru, inputs: 1, hidden: .max, head: []), seed: 0) }),
      ("more than 2^36", { try Model(Network(.gru, inputs: 1, hidden: 1 << 20, head: []), seed: 0) }),
      ("at least 1", { try Model(Network(.gru, inputs: 1, hidden: 2, layers: 0, head: []), seed: 0) }),
      ("1 outputs say nothing about 2 numbers", { try Loss.mse.evaluate([1], values: [1, 2]) }),
      ("class 2 is not in 0..<2", { try Loss.crossEntropy().evaluate([1, 2], classes: [2]) }),
    ]
    for (words, make) in cases {
      let found = Self.refusal(make)
      #expect(found?.contains(words) == true, "\(words): \(found ?? "taken")")
    }
  }

  @Test func `predicts in the order of the samples, alone or together`() throws {
    for readout in [Network.Readout.lastStep, .everyStep] {
      var network = Self.lstm
      network.readout = readout
      let model = try Model(network, seed: 3)
      let sequences: [[Float]] = [[1, 2], [3, 4, 5, 6, 7, 8], [9, 10, 11, 12]]
      let together = try model.predict(Batch(sequences, features: 2))
      let alone = try sequences.map { try model.predict(Batch([$0], features: 2)) }
      #expect(together.values == alone.flatMap(\.values))
      #expect(together.shape == (readout == .lastStep ? [3, 3] : [6, 3]))
      #expect(alone[1].shape == (readout == .lastStep ? [1, 3] : [1, 3, 3]))
    }
  }

  @Test func `has parameters and gradients by name`() throws {
    let model = try Model(Self.lstm, seed: 1)
    try model.setParameter("fc.bias", to: Tensor([1, 2, 3]))
    try model.setParameter("fc.weight", to: Tensor(repeating: 0, shape: [3, 5]))
    let batch = try Batch([[1, 2], [3, 4, 5, 6]], features: 2)
    #expect(try model.predict(batch) == Tensor([[1, 2, 3], [1, 2, 3]]))
    try model.forward(batch) { outputs, dOutputs in
      for i in outputs.indices { dOutputs[i] = Float(i) }
    }
    #expect(try model.gradient("fc.bias") == Tensor([3, 5, 7]))
    // The longer sample lies first.
    #expect(batch.outputRow(of: 0) == 1 && batch.outputRow(of: 1) == 0)
  }

  @Test func `adds no gradient where its loss throws`() throws {
    let model = try Model(Self.lstm, seed: 1)
    let batch = try Batch([[1, 2]], features: 2)
    #expect(throws: Failure.self) {
      try model.forward(batch) { _, dOutputs in
        dOutputs[0] = 1
        throw Failure.badData("no")
      }
    }
    #expect(try model.gradient("fc.bias") == Tensor([0, 0, 0]))
  }
}
