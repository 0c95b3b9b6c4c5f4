import Batches
import Dataset
import Exchange
import Foundation
import Kernels
import Recurrent
import TestSupport

/// An encoder-decoder with random parameters, sources of lengths of their own, and what the library makes of them: written down
/// for `onnx_pairs.py`.
struct PairCase {
  struct Record: Encodable {
    let name, encoder, decoder: String
    let sources: [[Int32]]
    /// What each step of the decoder reads, and the logits that it gives then.
    let inputs: [[Int32]]
    let outputs: [[[Double]]]
    /// What a greedy search finds, of so many tokens at most.
    let limits: [Int]
    let found: [[Int32]]
    let probabilities: Bool
  }

  static let vocabulary = (source: 8, target: 6)
  private static let lengths = [(2, 4), (5, 1), (1, 3), (5, 6)]

  let name: String
  let network: Network
  var interface = ModelInterface()

  static var all: [PairCase] {
    NetworkGrid.cells.flatMap { cell, nonlinearity in
      Network.Decoder.Attention.allCases.flatMap { attention in
        [false, true].flatMap { bidirectional in
          [1, 2].map { layers in
            var network = NetworkGrid.network(
              cell, .everyStep, hidden: [Int](repeating: 5, count: layers), bidirectional: bidirectional)
            (network.nonlinearity, network.inputSize) = (nonlinearity, 0)
            network.bias = layers == 1
            network.embedding = .init(vocabulary: vocabulary.source, width: 4)
            network.decoder = .init(vocabulary: vocabulary.target, embedding: 3)
            network.decoder!.attention = attention
            let output = Network.HeadLayer.linear(vocabulary.target)
            network.head = layers == 1 ? [output] : [.linear(7), .tanh, .dropout(0.5), output]
            let kind = "\(attention) \(layers)\(bidirectional ? " bidirectional" : "")"
            var given = PairCase(name: "pairs: \(cell) \(nonlinearity) \(kind)", network: network)
            given.interface.hasLengths = true
            given.interface.loss = bidirectional ? .crossEntropy() : nil
            return given
          }
        }
      }
    }
  }

  func write(to folder: URL, number: Int) throws -> Record {
    var random = SplitMix(state: UInt64(number) + 7)
    let model = try Model(network, seed: 1, kernels: .preferred)
    // Wide enough that a search takes other ways for other sources.
    for index in model.parameters.indices {
      model.parameters[index] = Float.random(in: -0.9...0.9, using: &random)
    }
    model.parametersChanged()
    let written = try NetworkGraph.pair(
      network, model.layout, UnsafeBufferPointer(model.parameters), interface, metadata: [])
    let files = ["\(number)-encoder.onnx", "\(number)-decoder.onnx"]
    for (file, part) in zip(files, [written.encoder, written.decoder]) {
      try Data(part.bytes).write(to: folder.appendingPathComponent(file))
    }
    func tokens(_ count: Int, _ size: Int) -> [Int32] {
      (0..<count).map { _ in Int32.random(in: 0..<Int32(size), using: &random) }
    }
    let pairs = Self.lengths.map { source, target in
      TokenPair(
        source: tokens(source, Self.vocabulary.source), target: tokens(target, Self.vocabulary.target))
    }
    let batch = Batch(pairs)
    let outputs = batch.inOrder(
      model.forward(batch, mode: .evaluation).baseAddress!, width: Self.vocabulary.target)
    let limits = pairs.map { $0.source.count + 3 }
    let source = batch.source!
    let found = model.search(source, end: 0, beam: 1) { $0 + 3 }
    let inOrder = (0..<pairs.count).map { sample in
      found[(0..<pairs.count).first { source.numbers[$0] == Int32(sample) }!]
    }
    return Record(
      name: name, encoder: files[0], decoder: files[1], sources: pairs.map(\.source),
      inputs: pairs.map { [0] + $0.target.dropLast() }, outputs: split(outputs, pairs), limits: limits,
      found: inOrder, probabilities: interface.loss != nil)
  }

  /// The outputs of each pair, step by step.
  private func split(_ rows: [Float], _ pairs: [TokenPair]) -> [[[Double]]] {
    var rest = rows[...]
    return pairs.map { pair in
      pair.target.map { _ in
        defer { rest = rest.dropFirst(Self.vocabulary.target) }
        return rest.prefix(Self.vocabulary.target).map(Double.init)
      }
    }
  }
}
