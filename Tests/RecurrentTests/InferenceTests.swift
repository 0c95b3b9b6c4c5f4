import Batches
import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Inference", .tags(.fast)) struct InferenceTests {
  private func network(_ cell: Network.Cell, hidden: Int, steps: Int, bidirectional: Bool) -> Network {
    var network = Network(cell, inputs: 40, hidden: hidden, steps: steps, head: [.linear(3)])
    network.bidirectional = bidirectional
    network.layers = 2
    network.readout = .everyStep
    return network
  }

  private func batch(_ inputs: [Float], _ network: Network) -> Batch {
    Batch(timeMajor: inputs, features: network.inputSize, steps: network.steps)
  }

  /// The rows `[T, width]` of one of three samples, of `[T, 3, width]`.
  private func rows(of sample: Int, _ values: [Float], width: Int) -> [Float] {
    var rows: [Float] = []
    for start in stride(from: sample * width, to: values.count, by: 3 * width) {
      rows += values[start..<start + width]
    }
    return rows
  }

  /// So many rows that gates are computed for some steps after others, where training keeps those of all.
  @Test(arguments: [Network.Cell.rnn, .lstm, .gru], [false, true])
  func `of a large batch has the bits of training`(_ cell: Network.Cell, _ bidirectional: Bool) throws {
    let network = network(cell, hidden: cell == .rnn ? 256 : 64, steps: 67, bidirectional: bidirectional)
    let batch = batch(Reference.wave(67 * 58 * 40, phase: 0.2), network)
    for threads in [1, 2] {
      let model = try Model(network, seed: 3, threads: threads)
      let trained = Array(model.forward(batch, mode: .training(seed: 0, step: 0)))
      #expect(Array(model.forward(batch, mode: .evaluation)) == trained)
    }
  }

  @Test(arguments: [Network.Cell.rnn, .lstm, .gru], [false, true])
  func `of a sample alone has its bits among others`(_ cell: Network.Cell, _ bidirectional: Bool) throws {
    for kernels in KernelSet.available + KernelSet.availableBF16 {
      // One and more panels of units, whole ones and half of one at the end.
      for hidden in [12, 16, 52, 64, 72] {
        let network = network(cell, hidden: hidden, steps: 6, bidirectional: bidirectional)
        let inputs = Reference.wave(6 * 3 * 40, phase: 0.4)
        let model = try Model(network, seed: 3, kernels: kernels)
        let together = Array(model.forward(batch(inputs, network), mode: .evaluation))
        for sample in 0..<3 {
          let own = batch(rows(of: sample, inputs, width: 40), network)
          let alone = Array(model.forward(own, mode: .evaluation))
          #expect(
            alone == rows(of: sample, together, width: 3),
            "\(kernels.name), \(hidden) units, sample \(sample)")
        }
      }
    }
  }
}
