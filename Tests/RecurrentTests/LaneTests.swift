import Batches
import Kernels
import Recurrent
import TestSupport
import Testing

/// Lanes of one batch get the bits that each of them would get as a batch of its own.
@Suite(.tags(.fast)) struct LaneTests {
  /// Keeps the sum of each lane by itself.
  private final class Kept: LaneSums {
    let buffers: [UnsafeMutableBufferPointer<Float>]
    /// The next lane of each parameter.
    let done: UnsafeMutableBufferPointer<Int>

    init(lanes: Int, count: Int) {
      buffers = (0..<lanes).map { _ in .allocate(capacity: count) }
      for buffer in buffers { buffer.initialize(repeating: .nan) }
      done = .allocate(capacity: count)
      done.initialize(repeating: 0)
    }
    deinit {
      for buffer in buffers { buffer.deallocate() }
      done.deallocate()
    }

    func begin(_ lane: Int, _ parameters: Range<Int>) -> UnsafeMutablePointer<Float> {
      return buffers[lane].baseAddress!
    }
    func finish(_ lane: Int, _ parameters: Range<Int>) {
      #expect(done[parameters].allSatisfy { $0 == lane }, "lanes come in order, each once")
      for i in parameters { done[i] += 1 }
    }
  }

  /// Sequences of each lane; one lane has none.
  private static let sizes = [3, 1, 0, 8, 2]
  private static let steps = 6

  private static var networks: [Network] {
    func network(_ change: (inout Network) -> Void) -> Network {
      var a = Network(
        .lstm, inputs: 5, hidden: 11, steps: steps, head: [.linear(7), .tanh, .linear(3)])
      (a.layers, a.readout) = (2, .lastStep)
      change(&a)
      return a
    }
    return [
      network { _ in },
      network {
        $0.cell = .gru
        $0.bidirectional = true
        $0.readout = .everyStep
        $0.dropout = 0.4
      },
      network {
        $0.cell = .rnn
        $0.readout = .allSteps
        $0.bias = false
        $0.learnedInitialState = true
      },
      network {
        $0.hiddenSize = 64
        $0.readout = .finalState
        $0.bidirectional = true
      },
      network {
        $0.layerNorm = true
        $0.projectionSize = 4
        $0.learnedInitialState = true
        $0.residual = true
      },
      network {
        $0.cell = .gru
        $0.recurrentDropout = 0.3
        $0.lockedDropout = true
        $0.dropout = 0.2
      },
      network {
        $0.embedding = .init(vocabulary: 200, width: 9)
        $0.readout = .everyStep
      },
      network {
        $0.embedding = .init(vocabulary: 4, width: 9)
        $0.readout = .everyStep
      },
      network {
        $0.categories = [.init(vocabulary: 7, width: 3), .init(vocabulary: 40, width: 18)]
        $0.bidirectional = true
        $0.categories[1].dropout = 0.3
      },
      network {
        $0.categories = [.init(vocabulary: 7, width: 3)]
        ($0.inputSize, $0.layerNorm, $0.inputDropout) = (0, true, 0.2)
      },
      // Each code is projected once: of a small table all, of a large one those of the batch.
      network { $0.categories = [.init(vocabulary: 7, width: 3), .init(vocabulary: 300, width: 18)] },
      network {
        ($0.cell, $0.inputSize, $0.hiddenSize, $0.readout) = (.gru, 0, 16, .everyStep)
        $0.categories = [.init(vocabulary: 300, width: 18), .init(vocabulary: 7, width: 3)]
      },
      network {
        $0.cell = .none
        $0.categories = [.init(vocabulary: 7, width: 3), .init(vocabulary: 40, width: 18)]
      },
      Network(
        .none, inputs: 5, hidden: 1, steps: steps, head: [.linear(6), .relu, .linear(3)]),
    ]
  }

  @Test(arguments: networks.indices, [1, 3])
  func `have the bits of batches of their own`(_ index: Int, _ threads: Int) throws {
    let network = Self.networks[index]
    let model = try Model(network, seed: 3, threads: threads)
    try #require(model.cutsLanes)
    let batch = Self.sizes.reduce(0, +)
    let sums = Kept(lanes: Self.sizes.count, count: model.layout.count)
    var start = 0
    let lanes = Self.sizes.map { size -> Range<Int> in
      defer { start += size }
      return start..<start + size
    }
    // Folded or not: as the smallest lane that is alone below.
    model.smallestLane = 1
    run(model, 0..<batch) { model.backward($0, lanes: Lanes(lanes, first: 0, sums: sums)) }
    #expect(sums.done.allSatisfy { $0 == lanes.count }, "every parameter")
    for (lane, sequences) in lanes.enumerated() {
      guard !sequences.isEmpty else {
        #expect(sums.buffers[lane].allSatisfy { $0 == 0 })
        continue
      }
      model.zeroGradients()
      run(model, sequences) { model.backward($0) }
      #expect(model.gradients.map(\.bitPattern) == sums.buffers[lane].map(\.bitPattern), "lane \(lane)")
    }
  }

  /// Forward over these of the sequences, then what backward does with a gradient.
  private func run(
    _ model: Model, _ sequences: Range<Int>, _ backward: (UnsafePointer<Float>) -> Void
  ) {
    let (a, count) = (model.network, sequences.count)
    func rows(_ width: Int) -> [Float] {
      (0..<Self.steps).flatMap { t in
        sequences.flatMap { s in Reference.wave(width, phase: Double(t * 31 + s * 7)) }
      }
    }
    let samples = sequences.map { Int32($0) }
    let lengths = sequences.map { _ in Int32(Self.steps) }
    let inputs = rows(a.inputSize)
    let vocabulary = Int32(a.embedding?.vocabulary ?? 1)
    let sizes = a.categories.map(\.vocabulary)
    let codes = (0..<Int32(Self.steps)).flatMap { t in
      samples.flatMap { s in sizes.map { (s * 17 + t * 5) % Int32($0) } }
    }
    let tokens = (0..<Int32(Self.steps)).flatMap { t in samples.map { ($0 * 17 + t * 5) % vocabulary } }
    let batch =
      if a.embedding != nil {
        Batch(timeMajor: tokens, vocabulary: Int(vocabulary), lengths: lengths, samples: samples)
      } else if !sizes.isEmpty {
        Batch(
          timeMajor: inputs, features: a.inputSize, codes: codes, categories: sizes, lengths: lengths,
          samples: samples)
      } else {
        Batch(timeMajor: inputs, features: a.inputSize, lengths: lengths, samples: samples)
      }
    let outputs = model.forward(batch, mode: .training(seed: 5, step: 9))
    let width = a.outputSize
    var gradient = [Float](repeating: 0, count: outputs.count)
    // Each sequence's rows get the same gradient in any company.
    var seen = [Int](repeating: 0, count: count)
    for (at, sequence) in sequences.enumerated() {
      model.forEachOutputRows(of: at..<at + 1) { rows in
        for row in rows {
          let wave = Reference.wave(width, phase: Double(sequence * 13 + seen[at]))
          gradient.replaceSubrange(row * width..<(row + 1) * width, with: wave)
          seen[at] += 1
        }
      }
    }
    gradient.withUnsafeBufferPointer { backward($0.baseAddress!) }
  }
}
