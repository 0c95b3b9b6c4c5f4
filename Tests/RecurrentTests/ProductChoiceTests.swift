import Batches
import Kernels
import Recurrent
import TestSupport
import Testing

/// Networks whose products a BLAS computes: gradients are PyTorch's still, and evaluation is that of own kernels, bit for bit.
@Suite("A BLAS in a network", .tags(.fast), .enabled(if: cCompiler != nil, "no C compiler is installed"))
struct ProductChoiceTests {
  /// OpenBLAS where it is installed, else one that is compiled here.
  static let library: BLASLibrary? =
    BLASLibrary.open(["libopenblas.so.0"]).library
    ?? (cCompiler == nil ? nil : try? TinyBLAS.fortran.withLibrary { BLASLibrary.open([$0]).library })

  private func takeBLAS(_ model: Model) throws {
    let library = try #require(Self.library)
    model.useProducts(
      ProductChoices(library: library.description, threads: 1, products: model.products.all), of: library)
  }

  @Test(arguments: KernelSet.available.map(\.name), GradientTests.cases)
  func `gradients equal PyTorch's`(_ kernels: String, _ expected: GradientTests.Case) throws {
    let batch = expected.reference
    let model = try Model(batch.network, seed: expected.seed, kernels: KernelSet(named: kernels)!)
    let own = batch.evaluate(model)
    try takeBLAS(model)
    let (output, total) = batch.train(model)
    #expect(relativeDistance(output, expected.output.values) < 1e-6)
    #expect(abs(total.sum - expected.sum) <= 1e-6 * abs(expected.sum))
    for entry in model.layout.entries {
      let distance = relativeDistance(model.gradients[entry.range], expected.gradient.values[entry.range])
      #expect(distance < 1e-5, "\(entry.name)")
    }
    #expect(batch.evaluate(model) == own)
  }

  /// Options that are computed step by step, and several threads.
  @Test(arguments: [Network.Cell.rnn, .lstm, .gru], 0..<5)
  func `options follow own kernels`(_ cell: Network.Cell, _ option: Int) throws {
    var a = Network(
      cell, inputs: 20, hidden: 52, steps: 9, head: [.linear(70), .relu, .linear(33)])
    a.layers = 2
    a.readout = .everyStep
    a.bidirectional = option % 2 == 1
    switch option {
    case 1: a.layerNorm = true
    case 2: (a.recurrentDropout, a.dropout) = (0.3, 0.2)
    case 3: a.zoneout.hidden = 0.2
    case 4: if cell == .lstm { a.projectionSize = 19 }
    default: break
    }
    func step(_ threads: Int, blas: Bool) throws -> (outputs: [Float], gradients: [Float], isUsed: Bool) {
      let model = try Model(a, seed: 3, threads: threads, wantsInputGradient: true)
      if blas { try takeBLAS(model) }
      let inputs = Reference.wave(a.steps * 37 * a.inputSize, phase: 0.2)
      let made = Batch(timeMajor: inputs, features: a.inputSize, steps: a.steps)
      let outputs = Array(model.forward(made, mode: .training(seed: 1, step: 2)))
      model.backward(Reference.wave(outputs.count, phase: 0.9))
      return (outputs, Array(model.gradients) + Array(model.inputGradient!), model.products.choices != nil)
    }
    let own = try step(1, blas: false)
    let threads = Self.library?.description.hasPrefix("OpenBLAS") == true ? [1, 3] : [1]
    for threads in threads {
      let other = try step(threads, blas: true)
      #expect(other.isUsed && other.gradients != own.gradients, "other bits show that it computed")
      #expect(relativeDistance(other.outputs, own.outputs) < 1e-6)
      #expect(relativeDistance(other.gradients, own.gradients) < 1e-5)
    }
  }
}
