import Batches
import Recurrent
import TestSupport
import Testing

@Suite("A model's memory", .tags(.fast)) struct ReuseTests {
  /// What a longer, wider batch left behind must not be read by a smaller one, nor the other way round.
  @Test(arguments: GradientTests.cases.filter { $0.architecture.network.readout != .allSteps })
  func `gives the same bits after a batch of another shape`(_ given: GradientTests.Case) throws {
    let batch = given.reference
    let model = try Model(batch.network, seed: given.seed)
    let output = batch.train(model).output
    let gradients = Array(model.gradients)
    let (steps, rows) = (batch.network.cell == .none ? batch.network.steps : 9, 11)
    let inputs = Reference.wave(steps * rows * batch.network.inputSize, phase: 0)
    let larger = Batch(timeMajor: inputs, features: batch.network.inputSize, steps: steps)
    model.backward(Array(model.forward(larger, mode: .training(seed: 0, step: 1))))
    #expect(Array(model.gradients) != gradients)
    #expect(batch.train(model).output == output)
    #expect(Array(model.gradients) == gradients)
  }
}
