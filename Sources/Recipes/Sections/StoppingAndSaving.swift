/// The `early_stopping` section: stop when `patience` evaluations in a row were no improvement.
public struct EarlyStoppingSpecification: Sendable, Equatable {
  public var metric: MetricName = MetricName(.validation, .loss)
  public var patience: Int = 10
  /// The least change that counts as an improvement.
  public var minDelta: Double = 0
  public init() {}
}

extension EarlyStoppingSpecification: DeclaredSection {
  static let section = Section(
    start: EarlyStoppingSpecification(),
    keys: [
      Key("metric", \.metric, .metric, "What should improve."),
      Key(
        "patience", \.patience, .whole(),
        "Evaluations in a row without improvement after which training stops."),
      Key("min_delta", \.minDelta, .number(.notNegative), "Least change that counts as an improvement."),
    ])
}

/// The `checkpoint` section. The state after the last step is always saved.
public struct CheckpointSpecification: Sendable, Equatable {
  public var everyEpochs: Int?
  public var everySeconds: Double?
  public var keepLast: Int = 3
  /// Best checkpoints kept besides the last ones; 0 for none.
  public var keepBest: Int = 1
  /// What "best" means.
  public var metric: MetricName = MetricName(.validation, .loss)
  public init() {}
}

extension CheckpointSpecification: DeclaredSection {
  static let section = Section(
    start: CheckpointSpecification(),
    keys: [
      Key(
        "every_epochs", optional: \.everyEpochs, .whole(),
        "Epochs between two saved checkpoints; null for none before the end."),
      Key(
        "every_seconds", optional: \.everySeconds, .number(.positive),
        "Seconds between two saved checkpoints; null for no clock."),
      Key("keep_last", \.keepLast, .whole(), "Newest checkpoints that are kept, two at least."),
      Key(
        "keep_best", \.keepBest, .whole(0...Int(Int32.max)),
        "Best checkpoints kept besides the newest; 0 for none."),
      Key("metric", \.metric, .metric, "What decides which checkpoint is the best."),
    ])
}
