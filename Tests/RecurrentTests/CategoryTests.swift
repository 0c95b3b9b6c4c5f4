import Batches
import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Categories beside numbers", .tags(.fast)) struct CategoryTests {
  static let cases: [CategoryCase] = (try? Reference.load("categories.json")) ?? []

  @Test func `all cases are there`() { #expect(Self.cases.count == 63) }

  @Test(arguments: KernelSet.available.map(\.name), [1, 3])
  func `start, read and learn as PyTorch's modules`(_ kernels: String, _ threads: Int) throws {
    for expected in Self.cases {
      let model = try Model(
        expected.network, seed: expected.seed, kernels: KernelSet(named: kernels)!, threads: threads)
      #expect(fingerprint(model.parameters) == expected.fingerprint, "\(expected)")
      let unseen = try expected.batch(unseen: true)
      let read = model.forward(unseen, mode: .evaluation)
      #expect(
        relativeDistance(unseen.inOrder(read.baseAddress!, width: 2), expected.unseen.values) < 1e-6,
        "\(expected)")
      let batch = try expected.batch()
      let (output, gradient) = Self.train(model, batch)
      #expect(relativeDistance(output, expected.output.values) < 1e-6, "\(expected)")
      #expect(relativeDistance(gradient, expected.gradient.values) < 2e-6, "\(expected)")
    }
  }

  /// The outputs in order, and the gradient of the mean square.
  static func train(_ model: Model, _ batch: Batch) -> (output: [Float], gradient: [Float]) {
    let outputs = model.forward(batch, mode: .training(seed: 1, step: 2))
    let kept = batch.inOrder(outputs.baseAddress!, width: 2)
    var slopes = [Float](repeating: 0, count: outputs.count)
    let total = Loss.mse.evaluate(
      outputs: outputs.baseAddress!, rows: outputs.count / 2, width: 2, values: BatchArrays(batch).values,
      classes: [], gradient: &slopes, kernels: model.kernels)
    model.zeroGradients()
    model.backward(slopes)
    return (kept, model.gradients.map { $0 / Float(total.weight) })
  }

  /// A category that no sample has keeps its vector: that of `<unseen>` stays zero.
  @Test func `have no gradient where no sample has them`() throws {
    for expected in Self.cases {
      let model = try Model(expected.network, seed: 1)
      let (_, gradient) = Self.train(model, try expected.batch())
      for (column, width) in expected.widths.enumerated() {
        let range = model.layout["category_embeddings.\(column).weight"]!.range
        #expect(model.parameters[range].prefix(width).allSatisfy { $0 == 0 })
        #expect(gradient[range].prefix(width).allSatisfy { $0 == 0 })
        #expect(gradient[range].contains { $0 != 0 })
      }
    }
  }

  /// Central differences along three directions of each tensor, in the double network.
  @Test func `have the gradients of finite differences`() throws {
    for expected in Self.cases where Set(expected.lengths).count == 1 {
      let model = try Model(expected.network, seed: expected.seed)
      let batch = try expected.batch()
      let (_, gradient) = Self.train(model, batch)
      let arrays = BatchArrays(batch)
      let network = DoubleNetwork(model.network, parameters: Array(model.parameters))
      func loss(_ network: DoubleNetwork) -> Double {
        let outputs = network.forward(arrays.inputs, codes: arrays.categories, batch: batch.count)
        return zip(outputs, arrays.values).reduce(0) { $0 + ($1.0 - Double($1.1)) * ($1.0 - Double($1.1)) }
          / Double(outputs.count)
      }
      for entry in model.layout.entries where entry.name.hasPrefix("category") {
        let slopes = gradient[entry.range].map(Double.init)
        for phase in [0.1, 2.3] {
          let direction = Reference.wave(slopes.count, phase: phase).map(Double.init)
          var (up, down) = (network, network)
          for (i, d) in zip(entry.range, direction) {
            up.parameters[i] += 1e-5 * d
            down.parameters[i] -= 1e-5 * d
          }
          let known = zip(slopes, direction).reduce(0) { $0 + $1.0 * $1.1 }
          let found = (loss(up) - loss(down)) / 2e-5
          let size = slopes.reduce(0) { $0 + abs($1) }
          #expect(abs(found - known) <= 1e-5 * size + 1e-9, "\(entry.name) of \(expected)")
        }
      }
    }
  }

  /// Whether a table is projected whole, how many threads there are, and who is in the batch: no bit of an output depends on it.
  @Test(arguments: [Network.Cell.rnn, .lstm, .gru]) func `give each sample its own bits`(
    _ cell: Network.Cell
  ) throws {
    var a = Network(cell, inputs: 2, hidden: 20, steps: 6, head: [.linear(3)])
    a.categories = [.init(vocabulary: 9, width: 4), .init(vocabulary: 60, width: 18)]
    let numbers = (0..<40).map { Reference.wave(12, phase: Double($0)) }
    let codes = (0..<40).map { sample in
      (0..<12).map { place -> Int32 in
        let size = place % 2 == 0 ? 9 : 60
        return Int32((sample * 7 + place * 5) % size)
      }
    }
    for kernels in KernelSet.available {
      let model = try Model(a, seed: 1, kernels: kernels)
      let batch = try Batch(numbers, features: 2, codes: codes, categories: [9, 60])
      let all = batch.inOrder(model.forward(batch, mode: .evaluation).baseAddress!, width: 3)
      for threads in [1, 3] {
        let other = try Model(a, seed: 1, kernels: kernels, threads: threads)
        for s in [0, 7, 39] {
          let own = try Batch([numbers[s]], features: 2, codes: [codes[s]], categories: [9, 60])
          #expect(Array(other.forward(own, mode: .evaluation)) == Array(all[s * 3..<s * 3 + 3]))
        }
      }
    }
  }

  /// Dropped elements of vectors are zero and without gradient, the others twice as large; numbers are never dropped.
  @Test func `drop elements of vectors by sample and time`() throws {
    var a = Network(.none, inputs: 2, steps: 3, head: [.linear(2)])
    a.categories = [.init(vocabulary: 3, width: 40), .init(vocabulary: 2, width: 1)]
    a.categories[0].dropout = 0.5
    let model = try Model(a, seed: 1)
    let batch = try Batch(
      [[Float](repeating: 1, count: 6)], features: 2, codes: [[1, 1, 2, 1, 2, 1]], categories: [3, 2]
    ).targets([0, 0], width: 2)
    _ = Self.train(model, batch)
    let rows = model.gradients[model.layout["category_embeddings.0.weight"]!.range]
    let dropped = rows.dropFirst(40).prefix(40).count { $0 == 0 }
    #expect((8...32).contains(dropped), "code 1 stands once, and half of its elements are dropped")
    #expect(rows.dropFirst(80).contains { $0 != 0 })
    #expect(model.gradients[model.layout["category_embeddings.1.weight"]!.range].contains { $0 != 0 })
    #expect(model.gradients[model.layout["fc.weight"]!.range].prefix(2).allSatisfy { $0 != 0 })
  }
}
