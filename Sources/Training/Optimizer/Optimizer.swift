import Foundation
import Recurrent

/// Changes parameters by their gradients; semantics of `torch.optim`. All state lies in flat buffers of the model's layout.
public final class Optimizer {
  /// A buffer of state with its PyTorch name, for example `exp_avg`.
  public struct Buffer {
    public let name: String
    public let values: UnsafeMutableBufferPointer<Float>
  }

  public let specification: OptimizerSpecification
  /// Elements of each buffer.
  public let count: Int
  /// Updates done; Adam's t.
  public private(set) var steps: Int = 0
  public let buffers: [Buffer]

  public init(_ specification: OptimizerSpecification, count: Int) {
    self.specification = specification
    self.count = count
    buffers = specification.bufferNames.map { name in
      let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
      values.initialize(repeating: 0)
      return Buffer(name: name, values: values)
    }
  }

  deinit {
    for buffer in buffers { buffer.values.deallocate() }
  }

  /// One step.
  /// - scale: what the gradients are multiplied with first (1 / weight sum, times the clip factor).
  public func update(
    _ parameters: UnsafeMutableBufferPointer<Float>, gradients: UnsafeMutableBufferPointer<Float>,
    scale: Float = 1, learningRate: Double
  ) {
    precondition(parameters.count == count && gradients.count == count)
    steps += 1
    guard let parameters = parameters.baseAddress, let gradients = gradients.baseAddress else { return }
    switch specification.rule {
    case .sgd(let momentum, let dampening, let nesterov):
      let k = OptimizerKernels.SGD(
        scale: scale, learningRate: Float(learningRate), decay: Float(specification.weightDecay),
        momentum: Float(momentum), gain: steps == 1 ? 1 : Float(1 - dampening), nesterov: nesterov)
      sgd(parameters, gradients, k)
    case .adam(let beta1, let beta2, let eps):
      adam(parameters, gradients, scale, learningRate, beta1, beta2, eps, decoupled: false)
    case .adamW(let beta1, let beta2, let eps):
      adam(parameters, gradients, scale, learningRate, beta1, beta2, eps, decoupled: true)
    case .rmsprop(let alpha, let eps, let momentum):
      let k = OptimizerKernels.RMSProp(
        scale: scale, learningRate: Float(learningRate), decay: Float(specification.weightDecay),
        alpha: Float(alpha), rest: Float(1 - alpha), eps: Float(eps), momentum: Float(momentum))
      rmsprop(parameters, gradients, k)
    }
  }

  /// Continues a saved run after the buffers were filled.
  public func restore(steps: Int) { self.steps = steps }
}

extension Optimizer {
  private func state(_ index: Int) -> UnsafeMutablePointer<Float> { buffers[index].values.baseAddress! }

  private func sgd(
    _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>,
    _ k: OptimizerKernels.SGD
  ) {
    if k.momentum == 0 {
      OptimizerKernels.sgd(parameters, gradients, count: count, k)
    } else {
      OptimizerKernels.sgd(parameters, gradients, momentum: state(0), count: count, k)
    }
  }

  private func adam(
    _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>, _ scale: Float,
    _ learningRate: Double, _ beta1: Double, _ beta2: Double, _ eps: Double, decoupled: Bool
  ) {
    let t = Double(steps)
    let decay = specification.weightDecay
    let k = OptimizerKernels.Adam(
      scale: scale, stepSize: Float(learningRate / (1 - pow(beta1, t))),
      correction2: Float((1 - pow(beta2, t)).squareRoot()), beta1: Float(beta1), beta2: Float(beta2),
      rest1: Float(1 - beta1), rest2: Float(1 - beta2), eps: Float(eps), decay: decoupled ? 0 : Float(decay),
      shrink: decoupled ? Float(1 - learningRate * decay) : 1)
    OptimizerKernels.adam(parameters, gradients, state(0), state(1), count: count, k)
  }

  private func rmsprop(
    _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>,
    _ k: OptimizerKernels.RMSProp
  ) {
    if k.momentum == 0 {
      OptimizerKernels.rmsprop(parameters, gradients, state(0), count: count, k)
    } else {
      OptimizerKernels.rmsprop(parameters, gradients, state(0), momentum: state(1), count: count, k)
    }
  }
}

extension OptimizerSpecification {
  /// PyTorch's names of the state the rule keeps per parameter.
  package var bufferNames: [String] {
    switch rule {
    case .sgd(let momentum, _, _): momentum == 0 ? [] : ["momentum_buffer"]
    case .adam, .adamW: ["exp_avg", "exp_avg_sq"]
    case .rmsprop(_, _, let momentum): momentum == 0 ? ["square_avg"] : ["square_avg", "momentum_buffer"]
    }
  }
}
