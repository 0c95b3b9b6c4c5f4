import Recurrent
import TestSupport
import Testing

@Suite("Central finite differences in double", .tags(.fast)) struct FiniteDifferenceTests {
  /// The network and batches of the gradients compared with PyTorch; here nothing comes from PyTorch.
  @Test(arguments: GradientTests.cases) func `agree with the engine's gradients`(
    _ given: GradientTests.Case
  ) throws {
    let batch = given.reference
    let model = try Model(batch.network, seed: given.seed)
    _ = batch.train(model)
    expectAgreement(batch, parameters: Array(model.parameters), gradients: Array(model.gradients))
  }

  @Test func `agree with PyTorch's gradients`() {
    for given in GradientTests.cases {
      let network = DoubleNetwork(given.reference.network, seed: given.seed)
      expectAgreement(
        given.reference, parameters: network.parameters.map { Float($0) }, gradients: given.gradient.values)
    }
  }

  /// For each tensor: how fast the loss changes along three directions of that tensor alone, against the gradient's part along them.
  ///
  /// An error of the gradient shows along every direction that is not at right angles to it.
  func expectAgreement(_ batch: ReferenceBatch, parameters: [Float], gradients: [Float]) {
    let network = DoubleNetwork(batch.network, parameters: parameters)
    for entry in network.layout.entries {
      let gradient = gradients[entry.range].map(Double.init)
      let size = norm(gradient)
      let waves = [0.1, 2.3].map { Reference.wave(entry.range.count, phase: $0).map(Double.init) }
      for direction in waves + [gradient] where norm(direction) > 0 {
        let unit = direction.map { $0 / norm(direction) }
        let slope = zip(unit, gradient).reduce(0) { $0 + $1.0 * $1.1 }
        let difference = slopeByDifference(batch, network, entry.range, unit)
        #expect(abs(difference - slope) <= 1e-5 * size + 1e-9, "\(entry.name) of \(batch.network)")
      }
    }
  }

  func slopeByDifference(
    _ batch: ReferenceBatch, _ network: DoubleNetwork, _ range: Range<Int>, _ unit: [Double]
  ) -> Double {
    let step = 1e-5
    func loss(at distance: Double) -> Double {
      var moved = network
      for (i, u) in zip(range, unit) { moved.parameters[i] += distance * u }
      return batch.doubleLoss(moved)
    }
    return (loss(at: step) - loss(at: -step)) / (2 * step)
  }

  func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}
