import CCUDA
import CUDA
import Foundation

extension OptimizerSpecification {
  /// What a device's program depends on.
  package var deviceRule: UpdateRule {
    switch rule {
    case .adam, .adamW: .adam
    case .sgd(let momentum, _, _): .sgd(momentum: momentum != 0)
    case .rmsprop(_, _, let momentum): .rmsprop(momentum: momentum != 0)
    }
  }
}

/// How far a gradient may reach.
package struct GradientLimits: Sendable {
  /// The norm of the mean gradient, then each of its elements; nil for no limit.
  package var norm: Double?
  package var value: Float?
  package init(norm: Double? = nil, value: Float? = nil) {
    self.norm = norm
    self.value = value
  }
  init(_ train: TrainSpecification) {
    self.init(norm: train.clipNorm, value: train.clipValue.map { Float($0) })
  }
}

extension Optimizer {
  /// The numbers of the next update; they are those `update` uses.
  /// - later: updates that come before it.
  package func control(
    seed: UInt64, step: Int, learningRate: Double, _ limits: GradientLimits, later: Int = 0
  ) -> step_control {
    let steps = steps + later
    var c = step_control()
    c.seed = seed
    c.step = UInt64(step)
    c.clip_norm = limits.norm ?? 0
    c.clip_value = limits.value ?? 0
    c.lr = Float(learningRate)
    c.weight_decay = Float(specification.weightDecay)
    c.first_step = steps == 0 ? 1 : 0
    switch specification.rule {
    case .sgd(let momentum, let dampening, let nesterov):
      c.momentum = Float(momentum)
      c.fresh = 1 - Float(dampening)
      c.nesterov = nesterov ? 1 : 0
    case .adam(let beta1, let beta2, let eps), .adamW(let beta1, let beta2, let eps):
      let t = Double(steps + 1)
      c.eps = Float(eps)
      c.c1 = Float(1 - beta1)
      c.c2 = Float(1 - beta2)
      c.beta2 = Float(beta2)
      c.adam_step = c.lr / Float(1 - pow(beta1, t))
      c.adam_root = 1 / Float((1 - pow(beta2, t)).squareRoot())
      if case .adamW = specification.rule { c.decoupled = 1 }
    case .rmsprop(let alpha, let eps, let momentum):
      c.eps = Float(eps)
      c.c2 = Float(1 - alpha)
      c.beta2 = Float(alpha)
      c.momentum = Float(momentum)
    }
    return c
  }

  /// Counts an update that a device did.
  package func countUpdate() { restore(steps: steps + 1) }
}
