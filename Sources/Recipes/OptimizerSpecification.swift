/// The `optimizer` section: rule and settings, named and preset as in `torch.optim`.
public struct OptimizerSpecification: Sendable, Equatable {
  public enum Rule: Sendable, Equatable {
    case sgd(momentum: Double = 0, dampening: Double = 0, nesterov: Bool = false)
    /// `torch.optim.Adam`: weight decay is added to the gradient.
    case adam(beta1: Double = 0.9, beta2: Double = 0.999, eps: Double = 1e-8)
    /// `torch.optim.AdamW`: weight decay shrinks the parameters.
    case adamW(beta1: Double = 0.9, beta2: Double = 0.999, eps: Double = 1e-8)
    case rmsprop(alpha: Double = 0.99, eps: Double = 1e-8, momentum: Double = 0)
  }

  public var rule: Rule
  public var learningRate: Double
  public var weightDecay: Double

  /// Settings left out get PyTorch's presets: lr 0.001 (rmsprop 0.01), weight decay 0 (adamw 0.01).
  public init(_ rule: Rule, learningRate: Double? = nil, weightDecay: Double? = nil) {
    self.rule = rule
    switch rule {
    case .rmsprop: self.learningRate = learningRate ?? 1e-2
    case .sgd, .adam, .adamW: self.learningRate = learningRate ?? 1e-3
    }
    if case .adamW = rule {
      self.weightDecay = weightDecay ?? 1e-2
    } else {
      self.weightDecay = weightDecay ?? 0
    }
  }
}

/// The `schedule` section: how the learning rate changes; semantics of `torch.optim.lr_scheduler`.
public struct ScheduleSpecification: Sendable, Equatable {
  public enum Rule: Sendable, Equatable {
    case constant
    /// `StepLR`: times `gamma` every `stepSize` epochs.
    case step(stepSize: Int, gamma: Double = 0.1)
    /// `ExponentialLR`, times `gamma` every epoch after `startEpoch` (from 0), up to which the rate stays.
    case exponential(gamma: Double, startEpoch: Int = 0)
    /// `CosineAnnealingLR` over `tMax` epochs (nil: all of them) down to `minLR`.
    case cosine(tMax: Int? = nil, minLR: Double = 0)
    /// `ReduceLROnPlateau` (the threshold is a share of |best|, so that it means the same where best is negative): times `factor` after more than `patience` epochs without improvement,
    /// then nothing is counted for `cooldown` epochs.
    case plateau(
      factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4, cooldown: Int = 0,
      minLR: Double = 0,
      metric: MetricName = MetricName(.validation, .loss))
  }

  public var rule: Rule
  /// Steps over which the rate first rises linearly: step i of w (from 1) runs at i/w of it.
  public var warmupSteps: Int

  public init(_ rule: Rule, warmupSteps: Int = 0) {
    self.rule = rule
    self.warmupSteps = warmupSteps
  }
}

/// A measured quantity that decisions are made on, written `validation.loss`.
public struct MetricName: Sendable, Equatable, CustomStringConvertible {
  public enum Part: String, Sendable, CaseIterable { case train, validation }
  public enum Quantity: String, Sendable, CaseIterable {
    case loss, accuracy, mae, rmse, mape, r2, perplexity
    case macroF1 = "macro_f1"
    case sequenceAccuracy = "sequence_accuracy"
    case errorRate = "error_rate"
  }
  public var part: Part
  public var quantity: Quantity

  public init(_ part: Part, _ quantity: Quantity) {
    self.part = part
    self.quantity = quantity
  }
  /// Whether more is better.
  public var increases: Bool { [.accuracy, .macroF1, .r2, .sequenceAccuracy].contains(quantity) }
  public var description: String { "\(part.rawValue).\(quantity.rawValue)" }
}
