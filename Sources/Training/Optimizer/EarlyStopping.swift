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

extension MetricName {
  /// Whether `value` is better than `best` by more than `delta`. A NaN is never better.
  public func isImprovement(_ value: Double, over best: Double?, by delta: Double = 0) -> Bool {
    guard !value.isNaN else { return false }
    guard let best else { return true }
    return increases ? value - best > delta : best - value > delta
  }
}
