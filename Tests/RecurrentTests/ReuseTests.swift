import Recurrent
import TestSupport
import Testing

@Suite("A model's memory") struct ReuseTests {
  /// What a longer, wider batch left behind must not be read by a smaller one, nor the other way round.
  @Test(arguments: GradientTests.cases.filter { $0.architecture.architecture.readout != .allSteps })
  func `gives the same bits after a batch of another shape`(_ given: GradientTests.Case) throws {
    let batch = given.reference
    let model = try Model(batch.architecture, seed: given.seed)
    let output = batch.train(model).output
    let gradients = Array(model.gradients)
    let (steps, rows) = (batch.architecture.cell == .none ? batch.architecture.steps : 9, 11)
    let inputs = Reference.wave(steps * rows * batch.architecture.inputSize, phase: 0)
    let samples = Array(0..<Int32(rows))
    inputs.withUnsafeBufferPointer { inputs in
      samples.withUnsafeBufferPointer { samples in
        let larger = model.forward(
          inputs: inputs.baseAddress!, samples: samples.baseAddress!, steps: steps, batch: rows,
          mode: .training(seed: 0, step: 1))
        model.backward(Array(larger))
      }
    }
    #expect(Array(model.gradients) != gradients)
    #expect(batch.train(model).output == output)
    #expect(Array(model.gradients) == gradients)
  }
}
