import Batches
import Foundation
import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Encoder-decoders", .tags(.fast)) struct EncoderDecoderTests {
  struct Case: Decodable, Sendable {
    let architecture: Reference.NetworkDescription
    let source, target, width: Int
    let attention: String
    let seed: UInt64
    /// Steps of each pair's source and target.
    let lengths: [[Int]]
    let fingerprint: String
    let sum: Double
    let outputs: [Reference.Floats]
    let projections: Reference.Floats

    var network: Network {
      var a = architecture.network
      a.embedding = .init(vocabulary: source, width: width)
      a.decoder = .init(vocabulary: target, embedding: width)
      a.decoder?.attention = .init(rawValue: attention)!
      return a
    }
    var pairs: [TokenPair] {
      lengths.enumerated().map { b, lengths in
        let tokens = Reference.classes(lengths[0] + 2 * b, width: source, ignore: nil).dropFirst(2 * b)
        let steps = Reference.classes(lengths[1] + 1 + 3 * b, width: target, ignore: nil).dropFirst(3 * b + 1)
        return TokenPair(source: Array(tokens), target: Array(steps))
      }
    }
  }

  @Test(arguments: KernelSet.available.map(\.name)) func `compute what PyTorch does`(_ kernels: String) throws
  {
    let cases: [Case] = try Reference.load("pairs.json")
    #expect(cases.count == 24)
    for expected in cases {
      for threads in [1, 3] {
        let model = try Model(
          expected.network, seed: expected.seed, kernels: KernelSet(named: kernels)!, threads: threads)
        try check(model, expected)
      }
    }
  }

  private func check(_ model: Model, _ expected: Case) throws {
    let name = "\(expected.architecture), attention \(expected.attention)"
    #expect(fingerprint(model.parameters) == expected.fingerprint, "\(name)")
    let batch = Batch(expected.pairs)
    let outputs = model.forward(batch, mode: .training(seed: 0, step: 0))
    let found = split(batch.inOrder(outputs.baseAddress!, width: expected.target), expected)
    var gradient = [Float](repeating: 0, count: outputs.count)
    let total = Loss.crossEntropy().evaluate(
      outputs: outputs.baseAddress!, rows: batch.rows.count, width: expected.target, values: batch.values,
      classes: batch.classes, gradient: &gradient, kernels: model.kernels)
    model.zeroGradients()
    model.backward(gradient.map { $0 / Float(total.weight) })
    #expect(abs(total.sum - expected.sum) < 1e-6 * expected.sum, "\(name)")
    for (outputs, known) in zip(found, expected.outputs) {
      #expect(relativeDistance(outputs, known.values) < 2e-6, "\(name)")
    }
    expectGradients(of: model, expected.projections.values, name)
  }

  /// The outputs of each pair.
  private func split(_ outputs: [Float], _ expected: Case) -> [[Float]] {
    var rest = outputs[...]
    return expected.pairs.map { pair in
      let count = pair.target.count * expected.target
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
  }

  @Test(arguments: ["none", "dot", "general"], [1, 2, 5])
  func `find what a search over whole prefixes finds`(_ attention: String, _ beam: Int) throws {
    var a = Network(.lstm, inputs: 0, hidden: 9, steps: 8, head: [.linear(6, bias: false)])
    a.embedding = .init(vocabulary: 8, width: 5)
    a.decoder = .init(vocabulary: 6, embedding: 5)
    a.decoder?.attention = .init(rawValue: attention)!
    a.readout = .everyStep
    a.bidirectional = true
    a.layers = 2
    a.initRange = 1.3
    let model = try Model(a, seed: 17)
    let sources = [[1, 2, 3, 4, 5, 6], [7, 0, 2, 2], [3, 3, 3], [1, 5, 1], [6]].map { $0.map { Int32($0) } }
    let batch = Batch(sources.map { TokenPair(source: $0, target: [1]) })
    let found = model.search(batch.source!, end: 0, beam: beam) { $0 + 3 }
    for (source, tokens) in zip(sources, found) {
      #expect(tokens == slowSearch(model, source, beam: beam, limit: source.count + 3), "\(source)")
    }
    #expect(Set(found).count > 1, "sources make a difference")
  }

  /// Beam search that runs the whole target again for each step.
  private func slowSearch(_ model: Model, _ source: [Int32], beam: Int, limit: Int) -> [Int32] {
    var open: [(tokens: [Int32], score: Double)] = [([], 0)]
    var complete: [(tokens: [Int32], score: Double)] = []
    while !open.isEmpty {
      var next: [(tokens: [Int32], score: Double)] = []
      for (tokens, score) in open {
        let batch = Batch([TokenPair(source: source, target: tokens + [0])])
        let logits = model.forward(batch, mode: .evaluation).suffix(6).map(Double.init)
        let logSum = log(logits.reduce(0) { $0 + exp($1) })
        next += logits.indices.map { (tokens + [Int32($0)], score + logits[$0] - logSum) }
      }
      next = Array(next.sorted { $0.score > $1.score }.prefix(beam - complete.count))
      open = []
      for (tokens, score) in next {
        if tokens.last == 0 || tokens.count == limit {
          complete.append(
            (tokens.last == 0 ? Array(tokens.dropLast()) : tokens, score / Double(tokens.count)))
        } else {
          open.append((tokens, score))
        }
      }
    }
    return complete.max { $0.score < $1.score }!.tokens
  }

  @Test func `of another shape are refused`() {
    var a = Network(.gru, inputs: 0, hidden: 4, steps: 8, head: [.linear(6)])
    a.embedding = .init(vocabulary: 8, width: 5)
    a.decoder = .init(vocabulary: 6, embedding: 5)
    #expect(throws: (any Error).self) { try Model(a, seed: 0) }
    a.readout = .everyStep
    #expect(throws: Never.self) { try Model(a, seed: 0) }
    a.embedding?.isTied = true
    #expect(throws: (any Error).self) { try Model(a, seed: 0) }
  }
}

/// Compares gradients with the projections that PyTorch's have: norm, and products with two waves, three numbers a parameter.
func expectGradients(of model: Model, _ projections: [Float], _ name: String) {
  for (index, entry) in model.layout.entries.enumerated() {
    let known = projections[3 * index..<3 * index + 3].map(Double.init)
    let parts = ProjectionTests().projections(model.gradients[entry.range].map(Double.init))
    for (i, reach) in [1.0, 4, 4].enumerated() {
      #expect(abs(parts[i] - known[i]) <= 1e-5 * known[0] * reach, "\(entry.name) of \(name)")
    }
  }
}
