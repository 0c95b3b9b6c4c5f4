/// Decides when a run no longer improves: after `patience` evaluations in a row without improvement.
public struct EarlyStopping: Sendable, Equatable {
  public let specification: EarlyStoppingSpecification
  /// The best value so far; nil before the first.
  public var best: Double?
  /// Evaluations since then.
  public var wait: Int = 0

  public init(_ specification: EarlyStoppingSpecification) { self.specification = specification }

  public var shouldStop: Bool { wait >= specification.patience }

  /// Takes note of the metric after an evaluation. A NaN is never an improvement.
  public mutating func evaluated(_ value: Double) {
    if specification.metric.isImprovement(value, over: best, by: specification.minDelta) {
      best = value
      wait = 0
    } else {
      wait += 1
    }
  }
}
