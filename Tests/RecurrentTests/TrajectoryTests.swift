import Batches
import Foundation
import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Ten Adam steps", .tags(.fast)) struct TrajectoryTests {
  struct Case: Decodable, CustomTestStringConvertible {
    let architecture: Reference.NetworkDescription
    let batch: Int
    let lr: Double
    let seed: UInt64
    let losses: [Double]
    let parameters: Reference.Floats
    var testDescription: String { "\(architecture)" }
  }

  static let cases: [Case] = (try? Reference.load("adam.json")) ?? []

  @Test func `there are reference cases`() { #expect(Self.cases.count == 8) }

  /// The optimizer here is Adam's definition, so that only the engine is under test.
  @Test(arguments: cases) func `follow PyTorch's parameters`(_ expected: Case) throws {
    let model = try Model(expected.architecture.network, seed: expected.seed)
    var first = [Double](repeating: 0, count: model.layout.count)
    var second = first
    for step in 0..<10 {
      let batch = ReferenceBatch(
        expected.architecture, .mse, batch: expected.batch, phase: Int(expected.seed) + step)
      let total = batch.train(model).total
      #expect(abs(total.sum / total.weight - expected.losses[step]) <= 1e-5 * expected.losses[step])
      for i in 0..<model.layout.count {
        let g = Double(model.gradients[i])
        first[i] = 0.9 * first[i] + 0.1 * g
        second[i] = 0.999 * second[i] + 0.001 * g * g
        let m = first[i] / (1 - pow(0.9, Double(step + 1)))
        let v = second[i] / (1 - pow(0.999, Double(step + 1)))
        model.parameters[i] -= Float(expected.lr * m / (v.squareRoot() + 1e-8))
      }
      model.parametersChanged()
    }
    for entry in model.layout.entries {
      let distance = relativeDistance(model.parameters[entry.range], expected.parameters.values[entry.range])
      #expect(distance < 1e-5, "\(entry.name)")
    }
  }
}

@Suite("The cell tutorial's printed example", .tags(.fast)) struct CellTutorialTests {
  /// The tutorial prints x and h; its W_x, W_h and b are the three `randn` drawn from word 96 of the same generator.
  @Test func `one step gives the printed h`() throws {
    var generator = TorchGenerator(seed: 42)
    func randn(_ count: Int) -> [Float] {
      [Float](unsafeUninitializedCapacity: count) { buffer, used in
        used = count
        buffer.initialize(repeating: .nan)
        generator.normal(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      }
    }
    let x = (0..<12).map { _ in randn(4) }[1]
    var a = Network(.rnn, inputs: 4, hidden: 6, steps: 1, head: [])
    a.readout = .lastStep
    let model = try Model(a, seed: 0)
    for (name, values) in [
      ("weight_ih", randn(24)), ("weight_hh", randn(36)), ("bias_ih", randn(6)),
      ("bias_hh", [Float](repeating: 0, count: 6)),
    ] {
      _ = model.parameters[model.layout["rnn.\(name)_l0"]!.range].update(fromContentsOf: values)
    }
    model.parametersChanged()
    let h = model.forward(try Batch([x], features: 4), mode: .evaluation)
    #expect(x.map(rounded) == [-1.1229, -0.1863, 2.2082, -0.6380])
    #expect(h.map(rounded) == [0.9999, 0.9073, 0.1455, -0.9802, 0.9756, 0.9592])
  }

  /// As PyTorch prints it.
  func rounded(_ value: Float) -> Float { (value * 10_000).rounded() / 10_000 }
}
