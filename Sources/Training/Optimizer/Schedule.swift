#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The learning rate over a run. Its state is one small value that a checkpoint keeps.
public struct Schedule: Sendable, Equatable {
  /// What a plateau schedule remembers; for the others the epoch says everything.
  public struct State: Codable, Sendable, Equatable {
    /// The rate reached by reductions.
    public var rate: Double
    public var best: Double?
    public var badEpochs: Int = 0
    /// Epochs left in which nothing is counted.
    public var cooldown: Int = 0

    enum CodingKeys: String, CodingKey {
      case rate, best, cooldown
      case badEpochs = "bad_epochs"
    }
  }

  public let specification: ScheduleSpecification
  public let baseRate: Double
  public let epochs: Int
  /// Steps of the warm-up.
  public let warmupSteps: Int
  public var state: State

  /// - epochs: of the whole run; the span of a cosine that names none.
  /// - stepsPerEpoch: what a warm-up that is counted in epochs is made of.
  public init(
    _ specification: ScheduleSpecification, baseRate: Double, epochs: Int, stepsPerEpoch: Int = 1
  ) {
    self.specification = specification
    warmupSteps =
      specification.warmupEpochs.map { Int(min(1e15, ($0 * Double(stepsPerEpoch)).rounded(.up))) }
      ?? specification.warmupSteps
    self.baseRate = baseRate
    self.epochs = epochs
    state = State(rate: baseRate)
  }

  /// The rate of an epoch (from 0), warm-up aside.
  public func rate(epoch: Int) -> Double {
    switch specification.rule {
    case .constant: baseRate
    case .step(let step): baseRate * pow(step.gamma, Double(epoch / step.stepSize))
    case .exponential(let exponential):
      baseRate * pow(exponential.gamma, Double(max(0, epoch - exponential.startEpoch)))
    case .cosine(let cosine):
      cosine.minLR + (baseRate - cosine.minLR)
        * (1 + cos(.pi * Double(epoch) / Double(cosine.tMax ?? epochs))) / 2
    case .plateau: state.rate
    }
  }

  /// The factor of an optimizer step (from 0): rises to 1 over the warm-up.
  public func warmup(step: Int) -> Double {
    step + 1 < warmupSteps ? Double(step + 1) / Double(warmupSteps) : 1
  }

  /// The metric the rate depends on, if any.
  public var metric: MetricName? {
    guard case .plateau(let plateau) = specification.rule else { return nil }
    return plateau.metric
  }

  /// Takes note of the metric after an epoch. A NaN is never an improvement.
  public mutating func epochEnded(value: Double) {
    guard case .plateau(let plateau) = specification.rule else { return }
    if isImprovement(value, threshold: plateau.threshold, increases: plateau.metric.increases) {
      state.best = value
      state.badEpochs = 0
    } else {
      state.badEpochs += 1
    }
    if state.cooldown > 0 {
      state.cooldown -= 1
      state.badEpochs = 0
    }
    guard state.badEpochs > plateau.patience else { return }
    state.badEpochs = 0
    state.cooldown = plateau.cooldown
    let reduced = max(state.rate * plateau.factor, plateau.minLR)
    // PyTorch's `eps`: changes too small to matter are not made.
    if state.rate - reduced > 1e-8 { state.rate = reduced }
  }

  private func isImprovement(_ value: Double, threshold: Double, increases: Bool) -> Bool {
    guard !value.isNaN else { return false }
    guard let best = state.best else { return true }
    // The threshold is a share of |best|: as a share of best it would mean the opposite where best is negative.
    let bound = best * (increases == (best >= 0) ? 1 + threshold : 1 - threshold)
    return increases ? value > bound : value < bound
  }
}
