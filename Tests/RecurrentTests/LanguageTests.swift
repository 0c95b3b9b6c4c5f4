import Batches
import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Language models", .tags(.fast)) struct LanguageTests {
  struct Case: Decodable, Sendable {
    let architecture: Reference.NetworkDescription
    let vocabulary, width: Int
    let tied: Bool
    /// 0 for each module's own start.
    let start: Float
    let seed: UInt64
    let fingerprint: String
    let losses: [Double]
    let final: [Reference.Floats]
    let parameters: Reference.Floats

    var network: Network {
      var a = architecture.network
      a.embedding = .init(vocabulary: vocabulary, width: width)
      a.embedding?.isTied = tied
      a.initRange = start > 0 ? start : nil
      return a
    }
  }

  private static let streams = 3
  private static let windows = 4

  /// 18 tokens a window: the vocabulary of 11 is projected whole, that of 50 is not.
  @Test(arguments: KernelSet.available.map(\.name))
  func `start and train as PyTorch's example`(_ kernels: String) throws {
    let cases: [Case] = try Reference.load("language.json")
    #expect(cases.count == 16)
    for expected in cases {
      let model = try Model(expected.network, seed: expected.seed, kernels: KernelSet(named: kernels)!)
      let name = "\(expected.architecture), V \(expected.vocabulary), tied \(expected.tied)"
      #expect(fingerprint(model.parameters) == expected.fingerprint, "\(name)")
      let states = StreamStates(expected.network, streams: Self.streams)
      let losses = (0..<Self.windows).map { train(model, states, window: $0) }
      for (found, known) in zip(losses, expected.losses) {
        #expect(abs(found - known) < 2e-6 * known, "\(name)")
      }
      #expect(relativeDistance(model.parameters, expected.parameters.values) < 2e-6, "\(name)")
      #expect(relativeDistance(states.hidden, expected.final[0].values) < 1e-5, "\(name)")
      if expected.final.count > 1 {
        #expect(relativeDistance(states.cell, expected.final[1].values) < 1e-5, "\(name)")
      }
    }
  }

  /// One step of plain SGD with the gradient's norm cut at 0.5; returns the mean loss.
  private func train(_ model: Model, _ states: StreamStates, window: Int) -> Double {
    let a = model.network
    let (vocabulary, steps) = (a.embedding!.vocabulary, a.steps)
    let text = Reference.classes(Self.windows * steps * Self.streams + 1, width: vocabulary, ignore: nil)
    let places = (0..<steps).flatMap { t in
      (0..<Self.streams).map { $0 * Self.windows * steps + window * steps + t }
    }
    var gradient = [Float](repeating: 0, count: places.count * vocabulary)
    model.zeroGradients()
    let outputs = forward(
      model, places.map { text[$0] }, steps: steps, states, streams: Array(0..<Int32(Self.streams)))
    let total = Loss.crossEntropy().evaluate(
      outputs: outputs.baseAddress!, rows: places.count, width: vocabulary, values: [],
      classes: places.map { text[$0 + 1] }, gradient: &gradient, kernels: model.kernels)
    model.backward(gradient)
    let mean = Float(1 / total.weight)
    let norm = model.gradients.reduce(0.0) { $0 + Double($1 * mean) * Double($1 * mean) }.squareRoot()
    let scale = 0.7 * mean * Float(min(1, 0.5 / (norm + 1e-6)))
    for i in 0..<model.parameters.count { model.parameters[i] -= scale * model.gradients[i] }
    model.parametersChanged()
    return total.sum / total.weight
  }

  /// - tokens: `[T, B]`, one of each of these streams a step.
  private func forward(
    _ model: Model, _ tokens: [Int32], steps: Int, _ states: StreamStates, streams: [Int32],
    mode: Model.Mode = .training(seed: 1, step: 2)
  ) -> UnsafeMutableBufferPointer<Float> {
    let batch = Batch(
      timeMajor: tokens, vocabulary: model.network.embedding!.vocabulary,
      lengths: streams.map { _ in Int32(steps) }, samples: streams, streams: streams)
    return model.forward(batch, mode: mode, states: states)
  }

  /// Whether the vocabulary is projected whole, how many threads there are, and who is in the batch: no bit of an output depends on it.
  @Test(arguments: [Network.Cell.rnn, .lstm, .gru]) func `give each stream its own bits`(
    _ cell: Network.Cell
  ) throws {
    var a = Network(cell, inputs: 0, hidden: 40, steps: 12, head: [.linear(30)])
    a.embedding = .init(vocabulary: 30, width: 24)
    a.readout = .everyStep
    a.layers = 2
    let tokens = Reference.classes(12 * 5, width: 30, ignore: nil)
    for kernels in KernelSet.available {
      let model = try Model(a, seed: 1, kernels: kernels)
      let states = StreamStates(a, streams: 5)
      let together = Array(forward(model, tokens, steps: 12, states, streams: [0, 1, 2, 3, 4]))
      for threads in [1, 3] {
        let other = try Model(a, seed: 1, kernels: kernels, threads: threads)
        for row in 0..<5 {
          // Step by step, so that the vocabulary is larger than the batch, and in another place.
          let own = StreamStates(a, streams: 2)
          for step in 0..<12 {
            let start = (step * 5 + row) * 30
            let alone = forward(
              other, [tokens[step * 5 + row]], steps: 1, own, streams: [1], mode: .evaluation)
            #expect(Array(alone) == Array(together[start..<start + 30]))
          }
          #expect(own.state(1) == states.state(Int32(row)))
        }
      }
    }
  }

  /// Dropped elements of vectors are zero and without gradient, the others twice as large.
  @Test func `drop elements of vectors by sample and time`() throws {
    var a = Network(.rnn, inputs: 0, hidden: 8, steps: 3, head: [.linear(4)])
    a.embedding = .init(vocabulary: 4, width: 40)
    a.embedding?.dropout = 0.5
    a.readout = .everyStep
    let model = try Model(a, seed: 1)
    let states = StreamStates(a, streams: 2)
    // One token throughout: its row's gradient is zero only where every mask dropped it.
    let outputs = forward(model, [2, 2, 2, 2, 2, 2], steps: 3, states, streams: [0, 1])
    model.backward([Float](repeating: 1, count: outputs.count))
    let gradient = model.gradients[model.layout["embedding.weight"]!.range]
    let own = gradient.dropFirst(80).prefix(40)
    #expect(
      own.contains { $0 != 0 }
        && zip(gradient.indices, gradient).allSatisfy { $1 == 0 || (80..<120).contains($0) })
    #expect((0...5).contains(own.count { $0 == 0 }), "each of 40 is dropped six times once in 64")
  }
}

extension StreamStates {
  /// h of all layers of one stream.
  fileprivate func state(_ stream: Int32) -> [Float] {
    let (layers, size) = (shape[0], shape[2])
    return (0..<layers).flatMap { layer in
      let start = (layer * streams + Int(stream)) * size
      return Array(hidden[start..<start + size])
    }
  }
}
