import Kernels
import Recurrent
import TestSupport
import Testing

/// Networks whose products are in bfloat16: near those in float32, at every width and length.
@Suite("Precision", .tags(.fast)) struct PrecisionTests {
  static let cells: [Network.Cell] = [.rnn, .lstm, .gru]

  /// An operand is off by at most 2⁻⁹ of itself; what a few of them in a row make of it stays near that, unless a tensor is a few
  /// numbers that are sums of both signs.
  private func compare(_ a: Network, _ lengths: [Int32], initial: Bool) throws {
    let batch = PackedBatch(a, lengths, phase: 2)
    let exact = batch.train(try Model(a, seed: 5, kernels: .portable), initial: initial)
    for kernels in KernelSet.availableBF16 {
      let model = try Model(a, seed: 5, kernels: kernels)
      let found = batch.train(model, initial: initial)
      let name: Comment = "\(kernels.name), \(a.cell), \(a.hiddenSize) units, lengths \(lengths)"
      #expect(relativeDistance(found.output, exact.output) < 0.02, name)
      for entry in model.layout.entries {
        let distance = relativeDistance(found.gradients[entry.range], exact.gradients[entry.range])
        #expect(
          distance > 0 && distance < (a.hiddenSize < 8 ? 0.15 : 0.03), "\(entry.name): \(distance), \(name)")
      }
      if initial { #expect(relativeDistance(found.initial.hidden, exact.initial.hidden) < 0.1, name) }
    }
  }

  @Test(arguments: cells, [1, 3, 8, 13, 32, 47, 100, 272]) func `gradients follow float32`(
    _ cell: Network.Cell, _ hidden: Int
  ) throws {
    var a = Network(cell, inputs: 7, hidden: hidden, steps: 6, head: [.linear(3)])
    a.layers = 2
    a.readout = .everyStep
    try compare(a, [6, 6, 6, 6, 6], initial: false)
    a.bidirectional = true
    a.readout = .finalState
    try compare(a, [6, 6, 5, 5, 4, 2, 1], initial: true)
  }

  @Test func `long inner products are cut as short ones are`() throws {
    var a = Network(.lstm, inputs: 1100, hidden: 1030, steps: 2, head: [.linear(3)])
    a.readout = .everyStep
    try compare(a, [2, 2, 1], initial: true)
  }

  @Test func `cell options follow float32 as well`() throws {
    var a = Network(.lstm, inputs: 7, hidden: 20, steps: 6, head: [.linear(3)])
    a.layers = 2
    a.layerNorm = true
    a.readout = .everyStep
    try compare(a, [6, 6, 5, 1], initial: false)
  }
}
