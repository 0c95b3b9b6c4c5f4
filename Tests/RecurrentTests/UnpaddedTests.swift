import Batches
import Kernels
import Recurrent
import TestSupport
import Testing

/// Layers of twelve LSTM units are stored without padding by the widest vectors, and multiply their input in the time loop: with the
/// bits of a family that does neither.
@Suite("Unpadded units", .tags(.fast), .enabled(if: KernelSet(named: "avx512") != nil))
struct UnpaddedTests {
  /// Rows in all tile heights, and rows that begin and end at different steps.
  static let lengths: [[Int32]] = [
    [5], [6, 6, 6], [4, 4, 4, 4, 4, 4, 4, 4], [9, 9, 8, 8, 8, 8, 8, 5, 5, 3, 2, 2, 1],
    [Int32](repeating: 7, count: 131),
  ]

  /// Wider inputs than 64 are projected before the loop.
  @Test(arguments: lengths, [1, 24, 65]) func `have the bits of padded ones`(
    _ lengths: [Int32], _ inputs: Int
  )
    throws
  {
    for (bidirectional, initial, bias) in [(true, false, true), (true, true, false), (false, true, true)] {
      var a = Network(.lstm, inputs: inputs, hidden: 12, steps: Int(lengths[0]), head: [.linear(3)])
      a.layers = 2
      a.bidirectional = bidirectional
      a.bias = bias
      a.readout = .everyStep
      let batch = PackedBatch(a, lengths, phase: 3)
      let padded = try Model(a, seed: 8, kernels: KernelSet(named: "avx2")!, wantsInputGradient: true)
      let expected = batch.train(padded, initial: initial)
      for threads in [1, 2, 3] {
        let model = try Model(
          a, seed: 8, kernels: KernelSet(named: "avx512")!, threads: threads, wantsInputGradient: true)
        let found = batch.train(model, initial: initial)
        #expect(found.output == expected.output)
        // What an initial state adds to a gradient is summed by itself in one family, and added term by term in the other.
        if initial {
          #expect(relativeDistance(found.gradients, expected.gradients) < 1e-6)
        } else {
          #expect(found.gradients == expected.gradients)
        }
        #expect(found.initial == expected.initial)
        #expect(Array(model.inputGradient!) == Array(padded.inputGradient!))
        if !initial {
          let made = Batch(
            timeMajor: batch.inputs, features: inputs, lengths: lengths, samples: batch.samples)
          #expect(Array(model.forward(made, mode: .evaluation)) == expected.output, "nothing is kept")
        }
      }
    }
  }
}
