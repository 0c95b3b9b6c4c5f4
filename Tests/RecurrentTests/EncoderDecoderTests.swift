import Foundation
import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Encoder-decoders") struct EncoderDecoderTests {
  struct Case: Decodable, Sendable {
    let architecture: Reference.ArchitectureDescription
    let source, target, width: Int
    let attention: String
    let seed: UInt64
    /// Steps of each pair's source and target.
    let lengths: [[Int]]
    let fingerprint: String
    let sum: Double
    let outputs: [Reference.Floats]
    let projections: Reference.Floats

    var network: Architecture {
      var a = architecture.architecture
      a.embedding = .init(vocabulary: source, width: width)
      a.decoder = .init(vocabulary: target, embedding: width)
      a.decoder?.attention = .init(rawValue: attention)!
      return a
    }
    var pairs: [Pair] {
      lengths.enumerated().map { b, lengths in
        let tokens = Reference.classes(lengths[0] + 2 * b, width: source, ignore: nil).dropFirst(2 * b)
        let steps = Reference.classes(lengths[1] + 1 + 3 * b, width: target, ignore: nil).dropFirst(3 * b + 1)
        return Pair(source: Array(tokens), target: Array(steps))
      }
    }
  }

  struct Pair {
    var source: [Int32]
    /// What is to be predicted; token 0 comes before it.
    var target: [Int32]
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
    var found: [[Float]] = []
    var total = Loss.Total()
    PairBatch(expected.pairs).forward(model, mode: .training(seed: 0, step: 0)) { batch, outputs in
      found = batch.split(Array(outputs), width: expected.target)
      var gradient = [Float](repeating: 0, count: outputs.count)
      total = Loss.crossEntropy().evaluate(
        outputs: outputs.baseAddress!, rows: batch.targets.count, width: expected.target, values: [],
        classes: batch.targets, gradient: &gradient, kernels: model.kernels)
      model.zeroGradients()
      model.backward(gradient.map { $0 / Float(total.weight) })
    }
    #expect(abs(total.sum - expected.sum) < 1e-6 * expected.sum, "\(name)")
    for (outputs, known) in zip(found, expected.outputs) {
      #expect(relativeDistance(outputs, known.values) < 2e-6, "\(name)")
    }
    for (index, entry) in model.layout.entries.enumerated() {
      let known = expected.projections.values[3 * index..<3 * index + 3].map(Double.init)
      let parts = ProjectionTests().projections(model.gradients[entry.range].map(Double.init))
      for (i, reach) in [1.0, 4, 4].enumerated() {
        #expect(abs(parts[i] - known[i]) <= 1e-5 * known[0] * reach, "\(entry.name) of \(name)")
      }
    }
  }

  @Test(arguments: ["none", "dot", "general"], [1, 2, 5])
  func `find what a search over whole prefixes finds`(_ attention: String, _ beam: Int) throws {
    var a = Architecture(cell: .lstm, inputSize: 0, hiddenSize: 9, steps: 8, head: [.linear(6, bias: false)])
    a.embedding = .init(vocabulary: 8, width: 5)
    a.decoder = .init(vocabulary: 6, embedding: 5)
    a.decoder?.attention = .init(rawValue: attention)!
    a.readout = .everyStep
    a.bidirectional = true
    a.layers = 2
    a.initRange = 1.3
    let model = try Model(a, seed: 17)
    let sources = [[1, 2, 3, 4, 5, 6], [7, 0, 2, 2], [3, 3, 3], [1, 5, 1], [6]].map { $0.map { Int32($0) } }
    let batch = PairBatch(sources.map { Pair(source: $0, target: [1]) })
    let found = batch.withSource { model.search($0, batch: sources.count, end: 0, beam: beam) { $0 + 3 } }
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
        var logits: [Double] = []
        PairBatch([Pair(source: source, target: tokens + [0])]).forward(model, mode: .evaluation) {
          _, outputs in
          logits = outputs.suffix(6).map(Double.init)
        }
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
    var a = Architecture(cell: .gru, inputSize: 0, hiddenSize: 4, steps: 8, head: [.linear(6)])
    a.embedding = .init(vocabulary: 8, width: 5)
    a.decoder = .init(vocabulary: 6, embedding: 5)
    #expect(throws: (any Error).self) { try Model(a, seed: 0) }
    a.readout = .everyStep
    #expect(throws: Never.self) { try Model(a, seed: 0) }
    a.embedding?.isTied = true
    #expect(throws: (any Error).self) { try Model(a, seed: 0) }
  }
}

/// Pairs as the engine wants them: sources and targets each longest first, step by step.
struct PairBatch {
  let sources, sourceLengths, sourceSamples, places: [Int32]
  let inputs, targets, lengths, samples: [Int32]

  init(_ pairs: [EncoderDecoderTests.Pair]) {
    let bySource = pairs.indices.sorted { (pairs[$0].source.count, $1) > (pairs[$1].source.count, $0) }
    let byTarget = pairs.indices.sorted { (pairs[$0].target.count, $1) > (pairs[$1].target.count, $0) }
    func rows(_ order: [Int], _ tokens: (EncoderDecoderTests.Pair) -> [Int32]) -> [Int32] {
      let longest = order.first.map { tokens(pairs[$0]).count } ?? 0
      return (0..<longest).flatMap { t in
        order.compactMap { tokens(pairs[$0]).count > t ? tokens(pairs[$0])[t] : nil }
      }
    }
    sources = rows(bySource, \.source)
    sourceLengths = bySource.map { Int32(pairs[$0].source.count) }
    sourceSamples = bySource.map { Int32($0) }
    places = byTarget.map { Int32(bySource.firstIndex(of: $0)!) }
    targets = rows(byTarget, \.target)
    inputs = rows(byTarget) { [0] + $0.target.dropLast() }
    lengths = byTarget.map { Int32(pairs[$0].target.count) }
    samples = byTarget.map { Int32($0) }
  }

  /// The outputs of each pair, in the order the pairs were given.
  func split(_ outputs: [Float], width: Int) -> [[Float]] {
    var parts = [[Float]](repeating: [], count: samples.count)
    var row = 0
    for t in 0..<(lengths.first ?? 0) {
      for (b, sample) in samples.enumerated() where lengths[b] > t {
        parts[Int(sample)] += outputs[row * width..<(row + 1) * width]
        row += 1
      }
    }
    return parts
  }

  func withSource<Result>(_ body: (Model.Source) -> Result) -> Result {
    sources.withUnsafeBufferPointer { tokens in
      sourceSamples.withUnsafeBufferPointer { samples in
        sourceLengths.withUnsafeBufferPointer { lengths in
          places.withUnsafeBufferPointer { places in
            body(
              Model.Source(
                tokens: tokens.baseAddress!, samples: samples.baseAddress!, lengths: lengths.baseAddress!,
                places: places.baseAddress!))
          }
        }
      }
    }
  }

  func forward(
    _ model: Model, mode: Model.Mode, _ body: (PairBatch, UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    withSource { source in
      inputs.withUnsafeBufferPointer { inputs in
        samples.withUnsafeBufferPointer { samples in
          lengths.withUnsafeBufferPointer { lengths in
            body(
              self,
              model.forward(
                source: source, tokens: inputs.baseAddress!, samples: samples.baseAddress!,
                lengths: lengths.baseAddress!, batch: lengths.count, mode: mode))
          }
        }
      }
    }
  }
}
