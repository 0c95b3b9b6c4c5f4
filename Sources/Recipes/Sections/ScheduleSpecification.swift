/// The `schedule` section: how the learning rate changes; semantics of `torch.optim.lr_scheduler`.
public struct ScheduleSpecification: Sendable, Equatable {
  /// `StepLR`: times `gamma` every `stepSize` epochs.
  public struct Step: Sendable, Equatable {
    public var stepSize: Int = 1
    public var gamma: Double = 0.1
    public init() {}
  }

  /// `ExponentialLR`, times `gamma` every epoch after `startEpoch` (from 0), up to which the rate stays.
  public struct Exponential: Sendable, Equatable {
    public var gamma: Double = 1
    public var startEpoch: Int = 0
    public init() {}
  }

  /// `CosineAnnealingLR` over `tMax` epochs (nil: all of them) down to `minLR`.
  public struct Cosine: Sendable, Equatable {
    public var tMax: Int?
    public var minLR: Double = 0
    public init() {}
  }

  /// `ReduceLROnPlateau` (the threshold is a share of |best|, so that it means the same where best is negative): times `factor`
  /// after more than `patience` epochs without improvement, then nothing is counted for `cooldown` epochs.
  public struct Plateau: Sendable, Equatable {
    public var factor: Double = 0.1
    public var patience: Int = 10
    public var threshold: Double = 1e-4
    public var cooldown: Int = 0
    public var minLR: Double = 0
    public var metric: MetricName = MetricName(.validation, .loss)
    public init() {}
  }

  public enum Rule: Sendable, Equatable {
    case constant
    case step(Step)
    case exponential(Exponential)
    case cosine(Cosine)
    case plateau(Plateau)
  }

  public var rule: Rule
  /// Steps over which the rate first rises linearly: step i of w (from 1) runs at i/w of it.
  public var warmupSteps: Int
  /// The same counted in epochs, which may be parts of one; nil for `warmupSteps`.
  public var warmupEpochs: Double?
  public enum RateScaling: String, Sendable, CaseIterable { case none, linear, sqrt }
  /// How the rate grows with the batch, from the optimizer's at `baseBatchSize`: Goyal et al. 2017, or by the root.
  public var scaling: RateScaling = .none
  /// Samples of a batch that the optimizer's rate is meant for.
  public var baseBatchSize: Int?

  public init(_ rule: Rule, warmupSteps: Int = 0) {
    self.rule = rule
    self.warmupSteps = warmupSteps
  }
}

extension ScheduleSpecification.Rule {
  public static func step(stepSize: Int, gamma: Double = 0.1) -> Self {
    var settings = ScheduleSpecification.Step()
    (settings.stepSize, settings.gamma) = (stepSize, gamma)
    return .step(settings)
  }

  public static func exponential(gamma: Double, startEpoch: Int = 0) -> Self {
    var settings = ScheduleSpecification.Exponential()
    (settings.gamma, settings.startEpoch) = (gamma, startEpoch)
    return .exponential(settings)
  }

  public static func cosine(tMax: Int? = nil, minLR: Double = 0) -> Self {
    var settings = ScheduleSpecification.Cosine()
    (settings.tMax, settings.minLR) = (tMax, minLR)
    return .cosine(settings)
  }

  public static func plateau(
    factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4, cooldown: Int = 0, minLR: Double = 0,
    metric: MetricName = MetricName(.validation, .loss)
  ) -> Self {
    var settings = ScheduleSpecification.Plateau()
    (settings.factor, settings.patience, settings.threshold) = (factor, patience, threshold)
    (settings.cooldown, settings.minLR, settings.metric) = (cooldown, minLR, metric)
    return .plateau(settings)
  }
}

extension Recipe {
  /// The optimizer's learning rate for this size of batch, before the schedule.
  package var scaledLearningRate: Double {
    guard let base = schedule.baseBatchSize else { return optimizer.learningRate }
    let factor = Double(train.batchSize) / Double(base)
    switch schedule.scaling {
    case .none: return optimizer.learningRate
    case .linear: return optimizer.learningRate * factor
    case .sqrt: return optimizer.learningRate * factor.squareRoot()
    }
  }
}
