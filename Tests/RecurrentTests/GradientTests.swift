import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Outputs, losses and gradients equal PyTorch's", .tags(.fast)) struct GradientTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let architecture: Reference.NetworkDescription
    let loss: Reference.LossDescription
    let batch: Int
    let seed: UInt64
    let sum, weight: Double
    let output, gradient: Reference.Floats

    var testDescription: String { "\(architecture), B \(batch), \(loss.loss)" }
    var reference: ReferenceBatch { ReferenceBatch(architecture, loss, batch: batch, phase: Int(seed)) }
  }

  /// Every cell × layers × directions × bias × readout, each loss with each of these choices.
  static let cases: [Case] = (try? Reference.load("gradients.json")) ?? []

  @Test func `there are reference cases`() { #expect(Self.cases.count == 218) }

  @Test(arguments: KernelSet.available.map(\.name), cases)
  func engine(_ kernels: String, _ expected: Case) throws {
    let batch = expected.reference
    let model = try Model(batch.network, seed: expected.seed, kernels: KernelSet(named: kernels)!)
    let (output, total) = batch.train(model)
    #expect(relativeDistance(output, expected.output.values) < 1e-6)
    #expect(abs(total.sum - expected.sum) <= 1e-6 * abs(expected.sum))
    #expect(abs(total.weight - expected.weight) <= 1e-6 * expected.weight)
    for entry in model.layout.entries {
      let distance = relativeDistance(model.gradients[entry.range], expected.gradient.values[entry.range])
      #expect(distance < 1e-5, "\(entry.name)")
    }
    #expect(batch.evaluate(model) == output, "evaluation computes what training does")
  }

  /// The yardstick of the finite differences is measured too.
  @Test func `double network`() {
    for expected in Self.cases {
      let batch = expected.reference
      let outputs = DoubleNetwork(batch.network, seed: expected.seed).forward(
        batch.inputs, batch: batch.batch)
      let total = batch.loss.doubleTotal(
        outputs, rows: batch.rows, width: batch.width, values: batch.values, classes: batch.classes)
      #expect(
        relativeDistance(outputs.map { Float($0) }, expected.output.values) < 1e-7,
        "\(expected.testDescription)")
      #expect(
        abs(total.sum - expected.sum) < 1e-12 * max(1, abs(expected.sum)), "\(expected.testDescription)")
      #expect(total.weight == expected.weight)
    }
  }
}

extension DoubleNetwork {
  /// A network as built from a seed.
  init(_ network: Network, seed: UInt64) {
    let layout = ParameterLayout(network)
    let values = [Float](unsafeUninitializedCapacity: layout.count) { buffer, used in
      used = layout.count
      buffer.initialize(repeating: .nan)
      layout.initialize(
        UnsafeMutableBufferPointer(rebasing: buffer[..<used]), network: network, seed: seed)
    }
    self.init(network, parameters: values)
  }
}
