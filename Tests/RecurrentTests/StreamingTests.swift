import Batches
import Diagnostics
import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("A model that is given one step at a time", .tags(.fast)) struct StreamingTests {
  /// Each cell with each option that changes a step, and a readout of the last step, the final state or every step.
  private static let networks: [Network] = Network.Cell.recurrent.flatMap { cell in
    [Network.Readout.lastStep, .finalState, .everyStep].flatMap { readout -> [Network] in
      var plain = Network(cell, inputs: 3, hidden: 10, head: [.linear(6), .relu, .linear(2)])
      (plain.layers, plain.readout) = (2, readout)
      var others = [plain, plain, plain]
      (others[0].layerNorm, others[0].learnedInitialState) = (true, true)
      others[1].zoneout = .init(hidden: 0.2, cell: cell.hasCellState ? 0.1 : 0)
      others[1].residual = true
      if cell == .lstm { (others[2].projectionSize, others[2].peepholes) = (7, false) }
      return [plain] + others
    }
  }

  @Test(arguments: KernelSet.available.map(\.name), networks)
  func `its outputs are those of the sequence so far`(_ kernels: String, _ network: Network) throws {
    let (steps, streams) = (9, 3)
    let model = try Model(network, seed: 5, kernels: KernelSet(named: kernels)!)
    try learnStates(model)
    let stream = try StreamingModel(model, streams: streams)
    var inputs = (0..<streams).map { _ in [Float]() }
    for step in 0..<steps {
      // One begins again on the way.
      if step == 5 { (inputs[1], _) = ([], stream.begin(1)) }
      let given = (0..<streams * 3).map { Float(($0 * 7 + step * 5) % 11) / 5.5 - 1 }
      for one in 0..<streams { inputs[one] += given[one * 3..<(one + 1) * 3] }
      let outputs = try stream.step(given)
      for one in 0..<streams {
        let whole = try model.predict(Batch([inputs[one]], features: 3)).values.suffix(2)
        #expect(
          relativeDistance(Array(outputs[one * 2..<(one + 1) * 2]), Array(whole)) < 1e-6, "step \(step)")
      }
    }
  }

  /// A state that is not zero, as after training.
  private func learnStates(_ model: Model) throws {
    for entry in model.layout.entries where entry.name.hasPrefix("rnn.h0") || entry.name.hasPrefix("rnn.c0") {
      let count = entry.range.count
      let value = try Tensor((0..<count).map { Float($0 % 5) / 5 - 0.3 }, shape: entry.shape)
      try model.setParameter(entry.name, to: value)
    }
  }

  @Test func `tokens are read one by one`() throws {
    var network = Network(.gru, inputs: 0, hidden: 8, head: [.linear(5)])
    network.embedding = .init(vocabulary: 5, width: 4)
    network.readout = .everyStep
    let model = try Model(network, seed: 1)
    let stream = try StreamingModel(model, streams: 2)
    var read: [[Int32]] = [[], []]
    for step in 0..<6 {
      let tokens = [Int32(step % 5), Int32((step * 3 + 1) % 5)]
      let outputs = try stream.step(tokens: tokens)
      for one in 0..<2 {
        read[one].append(tokens[one])
        let whole = try model.predict(Batch([read[one]], vocabulary: 5)).values.suffix(5)
        #expect(relativeDistance(Array(outputs[one * 5..<(one + 1) * 5]), Array(whole)) < 1e-6)
      }
    }
    #expect(throws: Failure.self) { try stream.step(tokens: [1]) }
    #expect(throws: Failure.self) { try stream.step(tokens: [1, 5]) }
    #expect(throws: Failure.self) { try stream.step([0, 0]) }
  }

  @Test func `what needs more than the past is refused by a line`() throws {
    let plain = Network(.lstm, inputs: 2, hidden: 4, steps: 3, head: [.linear(1)])
    var networks = [plain, plain, Network(.none, inputs: 2, hidden: 4, steps: 3, head: [.linear(1)])]
    networks[0].bidirectional = true
    networks[1].readout = .allSteps
    for network in networks {
      let model = try Model(network, seed: 0)
      #expect(throws: Failure.self) { try StreamingModel(model) }
    }
    let model = try Model(plain, seed: 0)
    #expect(throws: Failure.self) { try StreamingModel(model, streams: 0) }
    let stream = try StreamingModel(model)
    let failure = #expect(throws: Failure.self) { try stream.step([1, 2, 3]) }
    #expect(failure?.message.contains("[1, 2]") == true)
  }
}
