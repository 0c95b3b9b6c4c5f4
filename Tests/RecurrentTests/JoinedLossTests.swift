import Batches
import Kernels
import Recurrent
import TestSupport
import Testing

/// A last layer of many outputs that is computed together with its loss gives the bits of one after the other.
@Suite("A loss with its last layer", .tags(.fast)) struct JoinedLossTests {
  struct Variant: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let network: Network
    var loss = Loss.crossEntropy()
    /// Samples; those of pairs have lengths of their own.
    var batch = 37
    /// Where nobody knows a target, and where rows count unlike.
    var isUnknown = false
    var isWeighted = false

    func counts(_ label: Int32) -> Bool {
      if case .crossEntropy(let ignored, _, _) = loss { label >= 0 && label != ignored } else { false }
    }
  }

  private static let outputs = 530
  private static let steps = 29

  private static func network(_ change: (inout Network) -> Void = { _ in }) -> Network {
    var a = Network(.gru, inputs: 3, hidden: 6, steps: steps, head: [.linear(outputs)])
    a.readout = .everyStep
    change(&a)
    return a
  }

  private static let classWeights = (0..<outputs).map { 0.25 + Float($0 % 7) / 4 }

  /// 1,073 rows of every step: blocks of 358.
  static let variants: [Variant] = [
    Variant(testDescription: "every step", network: network()),
    Variant(
      testDescription: "the last step, more samples than a block",
      network: network { $0.readout = .lastStep },
      batch: 900),
    Variant(
      testDescription: "layers in between",
      network: network { $0.head = [.linear(9), .tanh, .dropout(0.3), .linear(outputs, bias: false)] }),
    Variant(
      testDescription: "a tied embedding",
      network: network {
        ($0.inputSize, $0.hiddenSize) = (0, 8)
        $0.embedding = .init(vocabulary: outputs, width: 8)
        $0.embedding?.isTied = true
      }),
    Variant(
      testDescription: "an encoder-decoder, of several lengths",
      network: network {
        $0.inputSize = 0
        $0.embedding = .init(vocabulary: 40, width: 5)
        $0.decoder = .init(vocabulary: outputs, embedding: 5)
        $0.decoder?.attention = .dot
      }),
    Variant(
      testDescription: "no recurrent part",
      network: Network(.none, inputs: 3, hidden: 1, steps: steps, head: [.linear(outputs)]), batch: 500),
    Variant(
      testDescription: "class weights and smoothing", network: network(),
      loss: .crossEntropy(ignoreIndex: 5, classWeights: classWeights, labelSmoothing: 0.1)),
    Variant(
      testDescription: "unknown targets and weights of rows", network: network(),
      loss: .crossEntropy(labelSmoothing: 0.2), isUnknown: true, isWeighted: true),
  ]

  private func batch(_ variant: Variant) throws -> Batch {
    let (a, count) = (variant.network, variant.batch)
    guard a.decoder == nil else {
      return Batch(
        (0..<count).map { pair in
          let target = Reference.classes(20 + pair % 17 + pair, width: Self.outputs, ignore: nil)
          return TokenPair(
            source: Reference.classes(3 + pair % 5, width: 40, ignore: nil),
            target: Array(target.dropFirst(pair)))
        })
    }
    let lengths = Array(repeating: Int32(a.steps), count: count)
    let made =
      if let vocabulary = a.embedding?.vocabulary {
        Batch(
          timeMajor: Reference.classes(count * a.steps, width: vocabulary, ignore: nil),
          vocabulary: vocabulary, lengths: lengths)
      } else {
        Batch(
          timeMajor: Reference.wave(count * a.steps * a.inputSize, phase: 0.4), features: a.inputSize,
          lengths: lengths)
      }
    let rows = a.readsEveryStep ? count * a.steps : count
    var classes = Reference.classes(rows, width: Self.outputs, ignore: nil)
    if variant.isUnknown { for row in stride(from: 2, to: rows, by: 5) { classes[row] = -1 } }
    return made.timeMajorTargets(classes: classes, of: Self.outputs, perStep: a.readsEveryStep)
  }

  private struct Outcome: Equatable {
    var loss = Loss.Total()
    var right = 0.0
    var gradients: [UInt32] = []
  }

  private static let mode = Model.Mode.training(seed: 5, step: 2)

  private func weights(_ variant: Variant) -> [Float]? {
    let rows = variant.network.readsEveryStep ? variant.batch * variant.network.steps : variant.batch
    return variant.isWeighted ? (0..<rows).map { Float($0 % 4) / 2 } : nil
  }

  /// - weights: of rows; they outlive the targets.
  private func targets(_ batch: Batch, _ variant: Variant, _ weights: UnsafePointer<Float>?) -> Loss.Targets {
    var targets = batch.targets()
    targets.mayBeUnknown = variant.isUnknown
    targets.weights = weights
    return targets
  }

  private func plain(_ model: Model, _ variant: Variant) throws -> Outcome {
    let (batch, weights) = (try batch(variant), weights(variant))
    let outputs = model.forward(batch, mode: Self.mode)
    var gradient = [Float](repeating: 0, count: outputs.count)
    var outcome = Outcome()
    let rows = outputs.count / Self.outputs
    withOptional(weights) {
      outcome.loss = variant.loss.evaluate(
        outputs: outputs.baseAddress!, rows: rows, width: Self.outputs,
        targets: targets(batch, variant, $0), gradient: &gradient, kernels: model.kernels)
    }
    for row in 0..<rows {
      let values = outputs[row * Self.outputs..<(row + 1) * Self.outputs]
      let place = values.firstIndex(of: values.max()!)! - values.startIndex
      if place == Int(batch.classes[row]), variant.counts(batch.classes[row]) {
        outcome.right += Double(weights?[row] ?? 1)
      }
    }
    model.zeroGradients()
    model.backward(gradient)
    outcome.gradients = model.gradients.map(\.bitPattern)
    return outcome
  }

  private func joined(_ model: Model, _ variant: Variant) throws -> Outcome {
    let (batch, weights) = (try batch(variant), weights(variant))
    #expect(model.joins(variant.loss))
    var outcome = Outcome()
    model.forwardBelowLoss(batch, mode: Self.mode)
    model.zeroGradients()
    withOptional(weights) {
      model.backward(variant.loss, targets(batch, variant, $0)) { row in
        row.add(to: &outcome.loss)
        if row.isRight { outcome.right += row.weight }
      }
    }
    outcome.gradients = model.gradients.map(\.bitPattern)
    return outcome
  }

  private func withOptional(_ values: [Float]?, _ body: (UnsafePointer<Float>?) -> Void) {
    guard let values else { return body(nil) }
    values.withUnsafeBufferPointer { body($0.baseAddress) }
  }

  @Test(arguments: variants) func `has the bits of one after the other`(_ variant: Variant) throws {
    for kernels in KernelSet.available + KernelSet.availableBF16 {
      let expected = try plain(Model(variant.network, seed: 3, kernels: kernels), variant)
      #expect(expected.loss.sum > 0 && expected.gradients.contains { $0 != 0 })
      for threads in [1, 2, 5] {
        let model = try Model(variant.network, seed: 3, kernels: kernels, threads: threads)
        #expect(try joined(model, variant) == expected, "\(kernels.name), \(threads) threads")
        #expect(try plain(model, variant) == expected, "and the other way after it")
      }
    }
  }

  /// Keeps the sum of each lane by itself.
  private final class Kept: LaneSums {
    let buffers: [UnsafeMutableBufferPointer<Float>]
    init(lanes: Int, count: Int) {
      buffers = (0..<lanes).map { _ in .allocate(capacity: count) }
      for buffer in buffers { buffer.initialize(repeating: .nan) }
    }
    deinit { for buffer in buffers { buffer.deallocate() } }
    func begin(_ lane: Int, _ parameters: Range<Int>) -> UnsafeMutablePointer<Float> {
      buffers[lane].baseAddress!
    }
    func finish(_ lane: Int, _ parameters: Range<Int>) {}
  }

  /// Lanes of a few samples, of none, and of more rows than a block has.
  @Test(arguments: variants.filter { $0.network.embedding == nil && !$0.isWeighted })
  func `has the bits of one after the other in each lane`(_ variant: Variant) throws {
    let cuts = [0, 2, 2, 5, variant.batch - 14, variant.batch]
    let sequences = zip(cuts, cuts.dropFirst()).map { $0..<$1 }
    let model = try Model(variant.network, seed: 3, threads: 2)
    let batch = try batch(variant)
    let apart = Kept(lanes: sequences.count, count: model.layout.count)
    let together = Kept(lanes: sequences.count, count: model.layout.count)
    var totals = Array(repeating: Loss.Total(), count: sequences.count)
    model.forwardBelowLoss(batch, mode: Self.mode)
    model.backward(
      variant.loss, batch.targets(), lanes: Lanes(sequences, first: 0, sums: together)
    ) { lane, row in row.add(to: &totals[lane]) }

    let outputs = model.forward(batch, mode: Self.mode)
    var gradient = [Float](repeating: 0, count: outputs.count)
    for (lane, part) in sequences.enumerated() {
      var expected = Loss.Total()
      model.forEachOutputRows(of: part) { rows in
        gradient.withUnsafeMutableBufferPointer {
          expected = variant.loss.evaluate(
            outputs: outputs.baseAddress! + rows.lowerBound * Self.outputs, rows: rows.count,
            width: Self.outputs, targets: batch.targets(from: rows.lowerBound),
            gradient: $0.baseAddress! + rows.lowerBound * Self.outputs, kernels: model.kernels,
            addingTo: expected)
        }
      }
      #expect(totals[lane] == expected, "lane \(lane)")
    }
    model.backward(gradient, lanes: Lanes(sequences, first: 0, sums: apart))
    for lane in sequences.indices {
      #expect(
        apart.buffers[lane].map(\.bitPattern) == together.buffers[lane].map(\.bitPattern), "lane \(lane)")
    }
  }
}
