import Foundation
import Kernels
import TestSupport
import Testing
import Training

/// A case of Tests/Reference/optimizers.json: start wave(23, 1), gradient of step k (from 0) wave(23, 2 + k).
private struct OptimizerCase: Decodable {
  struct Options: Decodable {
    let name: String
    let lr: Double
    let momentum, dampening, weightDecay, eps, alpha: Double?
    let betas: [Double]?
    let nesterov, centered: Bool?

    var specification: OptimizerSpecification {
      let rule: OptimizerSpecification.Rule
      switch name {
      case "sgd": rule = .sgd(momentum: momentum ?? 0, dampening: dampening ?? 0, nesterov: nesterov ?? false)
      case "rmsprop": rule = .rmsprop(alpha: alpha ?? 0.99, eps: eps ?? 1e-8, momentum: momentum ?? 0)
      case "adam": rule = .adam(beta1: betas?[0] ?? 0.9, beta2: betas?[1] ?? 0.999, eps: eps ?? 1e-8)
      default: rule = .adamW(beta1: betas?[0] ?? 0.9, beta2: betas?[1] ?? 0.999, eps: eps ?? 1e-8)
      }
      return OptimizerSpecification(rule, learningRate: lr, weightDecay: weightDecay)
    }
  }
  let options: Options
  let after: [String: Reference.Floats]
}

/// Runs `steps` updates on wave(count, 1) with gradients wave(count, 2 + k), handed over times `factor`.
private func run(
  _ specification: OptimizerSpecification, count: Int, steps: Int, factor: Float = 1,
  kernels: KernelSet = .best
) -> [Float] {
  let optimizer = Optimizer(specification, count: count, kernels: kernels)
  var parameters = Reference.wave(count, phase: 1)
  for step in 0..<steps {
    var gradients = Reference.wave(count, phase: Double(2 + step)).map { $0 * factor }
    parameters.withUnsafeMutableBufferPointer { parameters in
      gradients.withUnsafeMutableBufferPointer { gradients in
        optimizer.update(
          parameters, gradients: gradients, scale: 1 / factor, learningRate: specification.learningRate)
      }
    }
  }
  return parameters
}

private func difference(_ a: [Float], _ b: [Float]) -> Double {
  precondition(a.count == b.count)
  let squares = zip(a, b).map { Double($0 - $1) * Double($0 - $1) }.reduce(0, +)
  return (squares / b.map { Double($0) * Double($0) }.reduce(0, +)).squareRoot()
}

@Suite(.tags(.fast)) struct OptimizerTests {
  @Test func followsPyTorch() throws {
    let cases = try Reference.load("optimizers.json", as: [OptimizerCase].self)
    let own = cases.filter { $0.options.centered != true }
    #expect(own.count >= 12)
    for (test, kernels) in own.flatMap({ test in KernelSet.available.map { (test, $0) } }) {
      for (steps, expected) in test.after {
        let parameters = run(test.options.specification, count: 23, steps: Int(steps)!, kernels: kernels)
        let error = difference(parameters, expected.values)
        #expect(error < 1e-6, "\(kernels.name) \(test.options) after \(steps): \(error)")
      }
    }
  }

  @Test func scaleMultipliesTheGradient() {
    for rule in [OptimizerSpecification.Rule.adam(), .sgd(momentum: 0.9), .rmsprop(), .sgd()] {
      let specification = OptimizerSpecification(rule, learningRate: 0.1, weightDecay: 0.1)
      let plain = run(specification, count: 40, steps: 5)
      #expect(run(specification, count: 40, steps: 5, factor: 64) == plain)
    }
  }

  @Test func continuesFromItsBuffers() {
    let specification = OptimizerSpecification(.adam(), learningRate: 0.1)
    let whole = Optimizer(specification, count: 10)
    let first = Optimizer(specification, count: 10)
    let second = Optimizer(specification, count: 10)
    var a = Reference.wave(10, phase: 1)
    var b = a
    func step(_ optimizer: Optimizer, _ parameters: inout [Float], _ phase: Double) {
      var gradients = Reference.wave(10, phase: phase)
      parameters.withUnsafeMutableBufferPointer { parameters in
        gradients.withUnsafeMutableBufferPointer {
          optimizer.update(parameters, gradients: $0, learningRate: 0.1)
        }
      }
    }
    for k in 0..<6 { step(whole, &a, Double(k)) }
    for k in 0..<3 { step(first, &b, Double(k)) }
    for (from, to) in zip(first.buffers, second.buffers) { _ = to.values.update(from: from.values) }
    second.restore(steps: first.steps)
    for k in 3..<6 { step(second, &b, Double(k)) }
    #expect(a == b)
  }

  @Test func buffersHavePyTorchsNames() {
    #expect(OptimizerSpecification(.adamW()).bufferNames == ["exp_avg", "exp_avg_sq"])
    #expect(OptimizerSpecification(.sgd(momentum: 0.9)).bufferNames == ["momentum_buffer"])
    #expect(OptimizerSpecification(.sgd()).bufferNames == [])
    #expect(OptimizerSpecification(.rmsprop(momentum: 0.5)).bufferNames == ["square_avg", "momentum_buffer"])
  }
}
