import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Gradients of the whole product of choices and losses, and of large sizes", .tags(.fast))
struct ProjectionTests {
  struct Case: Decodable {
    let architecture: Reference.NetworkDescription
    let loss: Reference.LossDescription
    let batch: Int
    let seed: UInt64
    let sum: Double
    /// For each tensor: its norm and its parts along the waves of phase 0.1 and 2.3.
    let projections: Reference.Floats
  }

  @Test(arguments: KernelSet.available.map(\.name))
  func `equal PyTorch's in norm and along two directions`(_ kernels: String) throws {
    let cases: [Case] = try Reference.load("projections.json")
    #expect(cases.count == 4 * 3 * 2 * 2 * 4 * 5)
    for expected in cases { try check(expected, kernels) }
  }

  @Test(arguments: KernelSet.available.map(\.name))
  func `equal PyTorch's in sizes of many tiles too`(_ kernels: String) throws {
    let cases: [Case] = try Reference.load("sizes.json")
    #expect(cases.count == 41)
    for expected in cases { try check(expected, kernels) }
  }

  func check(_ expected: Case, _ kernels: String) throws {
    let batch = ReferenceBatch(
      expected.architecture, expected.loss, batch: expected.batch, phase: Int(expected.seed))
    let model = try Model(batch.network, seed: expected.seed, kernels: KernelSet(named: kernels)!)
    let total = batch.train(model).total
    let name = "\(expected.architecture), B \(batch.batch), \(batch.loss)"
    #expect(abs(total.sum - expected.sum) <= 1e-6 * abs(expected.sum), "\(name)")
    for (index, entry) in model.layout.entries.enumerated() {
      let known = expected.projections.values[3 * index..<3 * index + 3].map(Double.init)
      let found = projections(model.gradients[entry.range].map(Double.init))
      // An error of norm e that is spread at random moves a part by about e/√2; one that is spread like the wave by more.
      for (i, reach) in [1.0, 4, 4].enumerated() {
        #expect(abs(found[i] - known[i]) <= 1e-5 * known[0] * reach, "\(entry.name) of \(name)")
      }
    }
  }

  func projections(_ gradient: [Double]) -> [Double] {
    let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let parts = [0.1, 2.3].map { phase in
      zip(gradient, Reference.wave(gradient.count, phase: phase)).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    return [norm] + parts
  }
}
