import CCUDA
import CUDA
import Training

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension OptimizerSpecification {
  /// Whether a device has a kernel for its rule.
  var hasProgram: Bool {
    switch rule {
    case .sgd, .adam, .adamW, .rmsprop: true
    case .lamb, .lars: false
    }
  }

  /// What a device's program depends on, where it has one.
  package var deviceRule: UpdateRule {
    switch rule {
    case .adam, .adamW: .adam
    case .sgd(let sgd): .sgd(momentum: sgd.momentum != 0)
    case .rmsprop(let rmsprop): .rmsprop(momentum: rmsprop.momentum != 0)
    case .lamb, .lars: preconditionFailure("requireDeviceCan refuses it")
    }
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
    case .sgd(let sgd):
      c.momentum = Float(sgd.momentum)
      c.fresh = 1 - Float(sgd.dampening)
      c.nesterov = sgd.nesterov ? 1 : 0
    case .adam(let adam), .adamW(let adam):
      let t = Double(steps + 1)
      c.eps = Float(adam.eps)
      c.c1 = Float(1 - adam.beta1)
      c.c2 = Float(1 - adam.beta2)
      c.beta2 = Float(adam.beta2)
      c.adam_step = c.lr / Float(1 - pow(adam.beta1, t))
      c.adam_root = 1 / Float((1 - pow(adam.beta2, t)).squareRoot())
      if case .adamW = specification.rule { c.decoupled = 1 }
    case .rmsprop(let rmsprop):
      c.eps = Float(rmsprop.eps)
      c.c2 = Float(1 - rmsprop.alpha)
      c.beta2 = Float(rmsprop.alpha)
      c.momentum = Float(rmsprop.momentum)
    case .lamb, .lars: preconditionFailure("requireDeviceCan refuses it")
    }
    return c
  }

  /// Counts an update that a device did.
  package func countUpdate() { restore(steps: steps + 1) }
}
