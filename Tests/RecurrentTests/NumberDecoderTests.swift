import Batches
import Foundation
import Kernels
import Recurrent
import TestSupport
import Testing

/// Encoder-decoders of numbers: what is to come after a window, step by step.
@Suite("Decoders of numbers", .tags(.fast)) struct NumberDecoderTests {
  struct Case: Decodable, Sendable {
    let architecture: Reference.NetworkDescription
    let targets, steps, known, batch: Int
    let loss, attention: String
    let seed: UInt64
    let fingerprint: String
    /// Of the loss with teacher forcing.
    let sum: Double
    /// `[B, steps · width]`, with teacher forcing and as predicted.
    let taught, predicted: Reference.Floats
    let projections: Reference.Floats

    var lossFunction: Loss {
      switch loss {
      case "quantile": .quantile(levels: [0.1, 0.5, 0.9])
      case "gaussian_nll": .gaussianNLL
      case "poisson": .poisson
      default: .mse
      }
    }
    var network: Network {
      var a = architecture.network
      var numbers = Network.Decoder.Numbers(steps: steps, targets: targets, loss: lossFunction)
      // What is known of the steps ahead stands after what else a row has.
      numbers.known = a.inputSize - steps * known..<a.inputSize
      // The first target is the first feature, another one is none.
      if loss != "poisson" { numbers.starts = [0] }
      a.decoder = .init(.numbers(numbers))
      a.decoder?.attention = .init(rawValue: attention)!
      return a
    }
    func data() throws -> Batch {
      let a = architecture.network
      let inputs = Reference.wave(a.steps * batch * a.inputSize, phase: 0.3)
      var values = Reference.wave(batch * steps * targets, phase: 1.7)
      if loss == "poisson" { values = values.map { (3 * ($0 + 1)).rounded() } }
      return try Batch(timeMajor: inputs, features: a.inputSize, steps: a.steps)
        .targets(values, width: steps * targets)
    }
  }

  @Test(arguments: KernelSet.available.map(\.name)) func `compute what PyTorch does`(_ kernels: String) throws
  {
    let cases: [Case] = try Reference.load("number-decoders.json")
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
    let name = "\(expected.architecture), attention \(expected.attention), loss \(expected.loss)"
    #expect(fingerprint(model.parameters) == expected.fingerprint, "\(name)")
    let (batch, width) = (try expected.data(), model.network.outputSize)
    let outputs = model.forward(batch, mode: .training(seed: 0, step: 0))
    #expect(relativeDistance(Array(outputs), expected.taught.values) < 2e-6, "\(name)")
    var gradient = [Float](repeating: 0, count: outputs.count)
    let total = expected.lossFunction.evaluate(
      outputs: outputs.baseAddress!, rows: batch.count, width: width, targets: batch.targets(),
      gradient: &gradient, kernels: model.kernels)
    model.zeroGradients()
    model.backward(gradient.map { $0 / Float(total.weight) })
    #expect(abs(total.sum - expected.sum) < 2e-6 * abs(expected.sum), "\(name)")
    expectGradients(of: model, expected.projections.values, name)
    let predicted = Array(model.forward(batch, mode: .evaluation))
    #expect(relativeDistance(predicted, expected.predicted.values) < 1e-5, "\(name)")
    #expect(
      relativeDistance(predicted, expected.taught.values) > 1e-4, "\(name): steps read what they predicted")
  }

  @Test func `predict a window alone as among others`() throws {
    let cases: [Case] = try Reference.load("number-decoders.json")
    for expected in cases {
      let model = try Model(expected.network, seed: expected.seed)
      let (batch, width) = (try expected.data(), model.network.outputSize)
      let together = Array(model.forward(batch, mode: .evaluation))
      let features = expected.architecture.network.inputSize
      for sample in 0..<batch.count {
        let rows = (0..<expected.architecture.network.steps).flatMap { step in
          (0..<features).map { batch.inputs[(step * batch.count + sample) * features + $0] }
        }
        let alone = model.forward(try Batch([rows], features: features), mode: .evaluation)
        #expect(alone.elementsEqual(together[sample * width..<(sample + 1) * width]))
      }
    }
  }

  @Test func `read a target that nobody knows as 0`() throws {
    let expected: Case = try Reference.load("number-decoders.json", as: [Case].self)[0]
    func outputs(_ value: Float) throws -> [Float] {
      let model = try Model(expected.network, seed: 1)
      let batch = try expected.data()
      batch.values[0] = value
      return Array(model.forward(batch, mode: .training(seed: 0, step: 0)))
    }
    #expect(try outputs(.nan) == outputs(0))
    #expect(try outputs(.nan) != outputs(1))
  }

  /// A batch of which a part is taught gives what all taught and none taught give, sample by sample, at other sizes and seeds too.
  @Test func `read what they predict in training too, sample by sample`() throws {
    let expected: Case = try Reference.load("number-decoders.json", as: [Case].self)[7]
    let batch = try expected.data()
    func outputs(_ share: Float, step: UInt64 = 0) throws -> [[Float]] {
      var network = expected.network
      guard var numbers = network.decoder?.numbers else { return [] }
      numbers.teacherForcing = share
      network.decoder?.target = .numbers(numbers)
      let model = try Model(network, seed: expected.seed)
      let values = model.forward(batch, mode: .training(seed: 5, step: step))
      let width = model.network.outputSize
      return (0..<batch.count).map { Array(values[$0 * width..<($0 + 1) * width]) }
    }
    let (taught, untaught) = (try outputs(1), try outputs(0))
    for (sample, known) in zip(untaught, expected.predicted.values.chunks(of: untaught[0].count)) {
      #expect(relativeDistance(sample, known) < 1e-5)
    }
    var choices: Set<[Bool]> = []
    for step in 0..<20 {
      let mixed = try outputs(0.5, step: UInt64(step))
      for (sample, values) in mixed.enumerated() {
        #expect(values == taught[sample] || values == untaught[sample])
      }
      choices.insert(mixed.indices.map { mixed[$0] == taught[$0] })
    }
    #expect(choices.count > 4)
  }

  @Test func `of another shape are refused`() throws {
    var a = Network(.gru, inputs: 3, hidden: 4, steps: 8, head: [.linear(1)])
    a.readout = .everyStep
    func refused(_ change: (inout Network.Decoder.Numbers) -> Void) -> Bool {
      var numbers = Network.Decoder.Numbers(steps: 2, targets: 1, loss: .mse)
      change(&numbers)
      a.decoder = .init(.numbers(numbers))
      return (try? Model(a, seed: 0)) == nil
    }
    #expect(!refused { $0.known = 1..<3 })
    #expect(refused { $0.known = 1..<2 })
    #expect(refused { $0.known = 2..<4 })
    #expect(refused { $0.steps = 0 })
    #expect(refused { $0.starts = [3] })
    #expect(refused { $0.teacherForcing = 1.5 })
    a.layerNorm = true
    #expect(refused { _ in })
  }
}

extension [Float] {
  fileprivate func chunks(of size: Int) -> [[Float]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<$0 + size]) }
  }
}
