import Foundation
import Recur
import TestSupport
import Testing

@Suite("A model in a file", .tags(.fast)) struct ModelFileTests {
  private static func withFile(_ body: (String) throws -> Void) throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    try body(file)
  }

  /// Networks with everything that a description has.
  private static var networks: [Network] {
    var rich = Network(
      .lstm, inputs: 3, hidden: 6, layers: 2, bidirectional: true, dropout: 0.25, readout: .everyStep,
      head: [.linear(4, bias: false), .tanh, .dropout(0.5), .linear(2)])
    rich.categories = [.init(vocabulary: 4, width: 2)]
    rich.zoneout.hidden = 0.1
    var tokens = Network(.gru, hidden: 5, readout: .finalState, head: [.linear(7)])
    tokens.embedding = .init(vocabulary: 9, width: 4)
    tokens.initialization.orthogonal = true
    var decoder = Network(.lstm, inputs: 2, hidden: 4, readout: .everyStep, head: [.linear(2)])
    var numbers = Network.Decoder.Numbers(steps: 3, targets: 1, loss: .gaussianNLL)
    numbers.starts = [1]
    decoder.decoder = Network.Decoder(.numbers(numbers))
    return [
      rich, tokens, decoder,
      Network(.none, inputs: 3, steps: 4, head: [.linear(2), .relu, .sigmoid]),
      Network(.rnn, inputs: 1, hidden: 2, readout: .allSteps, steps: 5, head: []),
    ]
  }

  @Test(arguments: networks) func `comes back as it was saved`(_ network: Network) throws {
    try Self.withFile { file in
      let model = try Model(network, seed: 5)
      try model.save(to: file)
      let other = try Model(loading: file)
      #expect(other.network == network)
      for entry in model.layout.entries {
        #expect(try other.parameter(entry.name) == model.parameter(entry.name), "\(entry.name)")
      }
    }
  }

  /// As `safetensors.torch.save_file` writes it: names and shapes, and nothing about a network.
  private static func write(_ tensors: [(name: String, shape: [Int])], to file: String) throws {
    var (header, start) = ([String](), 0)
    for (name, shape) in tensors {
      let end = start + 4 * shape.reduce(1, *)
      header.append("\"\(name)\":{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[\(start),\(end)]}")
      start = end
    }
    let text = Data("{\(header.joined(separator: ","))}".utf8)
    var bytes = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text
    for index in 0..<start / 4 {
      bytes += withUnsafeBytes(of: Float(index).bitPattern.littleEndian) { Data($0) }
    }
    try bytes.write(to: URL(fileURLWithPath: file))
  }

  @Test func `of PyTorch goes into a network that the program describes`() throws {
    let network = Network(.rnn, inputs: 2, hidden: 1, head: [.linear(1)])
    let cell = [
      ("weight_ih_l0", [1, 2]), ("weight_hh_l0", [1, 1]), ("bias_ih_l0", [1]), ("bias_hh_l0", [1]),
    ]
    try Self.withFile { file in
      try Self.write(
        cell.map { ("encoder.\($0)", $1) } + [("fc.weight", [1, 1]), ("fc.bias", [1])], to: file)
      let model = try Model(network, loading: file, renaming: ["encoder.=rnn."])
      #expect(try model.parameter("rnn.weight_ih_l0") == Tensor([[0, 1]]))
      #expect(try model.parameter("fc.bias") == Tensor([6]))
      let silent = #expect(throws: Failure.self) { try Model(loading: file) }
      #expect(silent?.message.contains("says nothing about its network") == true)
      let absent = #expect(throws: Failure.self) { try Model(network, loading: file) }
      #expect(absent?.message.contains("there is no tensor rnn.weight_ih_l0") == true)

      try Self.write(cell, to: file)
      let half = try Model(network, loading: file, allowingMissing: ["fc.*"], seed: 3)
      #expect(try half.parameter("fc.weight") == Model(network, seed: 3).parameter("fc.weight"))
      #expect(try half.parameter("rnn.bias_hh_l0") == Tensor([4]))
      let wide = Network(.rnn, inputs: 3, hidden: 1, head: [])
      let other = #expect(throws: Failure.self) { try Model(wide, loading: file) }
      #expect(other?.message.contains("has shape [1, 2]") == true)
    }
  }

  @Test func `that lies about its network is refused`() throws {
    try Self.withFile { file in
      try Model(Network(.rnn, inputs: 1, hidden: 2, head: []), seed: 0).save(to: file)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
      let lies = [("hiddenSize\\\":2", "hiddenSize\\\":9"), ("layers\\\":1", "layers\\\":7"), ("rnn", "gnu")]
      for (truth, lie) in lies {
        var text = bytes
        let range = try #require(text.range(of: Data(truth.utf8)))
        text.replaceSubrange(range, with: Data(lie.utf8))
        try text.write(to: URL(fileURLWithPath: file))
        let failure = #expect(throws: Failure.self) { try Model(loading: file) }
        #expect(failure?.kind == .badData, "\(lie): \(failure?.message ?? "")")
      }
    }
  }
}
