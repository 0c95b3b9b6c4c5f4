#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What the outputs of a network say about one number: the point to name, and where there is more, quantiles and how good they are.
///
/// Everything is in the units that the loss sees; scores are multiplied, and quantiles scaled back, like the number itself.
public struct PredictiveDistribution: Sendable {
  private let forecast: any NumberForecast

  /// - loss: of numbers.
  /// - outputs: the `loss.outputsPerTarget` of one target.
  package init(_ loss: Loss, outputs: UnsafePointer<Float>) {
    switch loss {
    case .mse, .mae, .huber, .crossEntropy: forecast = PointForecast(point: Double(outputs[0]))
    case .bceWithLogits: forecast = PointForecast(point: 1 / (1 + exp(-Double(outputs[0]))))
    case .quantile(let levels): forecast = QuantileForecast(levels, outputs)
    case .gaussianNLL: forecast = Gaussian(outputs)
    case .studentT: forecast = StudentT(outputs)
    case .poisson: forecast = Poisson(outputs)
    case .negativeBinomial: forecast = NegativeBinomial(outputs)
    }
  }

  /// The median of quantiles, the mean of a distribution, the probability of bce_with_logits, else the output.
  public var point: Double { forecast.point }

  /// The number that the actual one does not exceed with this probability; nil where the loss says nothing about it.
  ///
  /// Quantiles never cross: those of a quantile loss are put in order, between its levels they lie on a line, and beyond them they are
  /// the outermost ones.
  public func quantile(_ level: Double) -> Double? { forecast.quantile(level) }

  /// The continuous ranked probability score of the actual number: exact for distributions (counts beyond a deviation of 2000 are
  /// counted in thousandths of it), twice the mean pinball loss for quantiles.
  public func crps(_ actual: Double) -> Double? { forecast.crps(actual) }

  /// The mean pinball loss of the quantiles at these levels.
  public func pinball(_ actual: Double, levels: [Double]) -> Double? {
    var sum = 0.0
    for level in levels {
      guard let quantile = quantile(level) else { return nil }
      sum += pinballLoss(actual, quantile, level)
    }
    return levels.isEmpty ? nil : sum / Double(levels.count)
  }
}

extension Loss {
  /// The levels whose quantiles are shown: the loss's own, or those of an interval of 80 per cent and its middle; none where the
  /// loss says nothing about them.
  public var levels: [Double] {
    switch self {
    case .mse, .mae, .huber, .crossEntropy, .bceWithLogits: []
    case .quantile(let levels): levels
    case .gaussianNLL, .studentT, .poisson, .negativeBinomial: [0.1, 0.5, 0.9]
    }
  }
}

extension Loss {
  /// What a level's quantile is called: p10, p50, p99.9.
  public static func name(ofLevel level: Double) -> String {
    let percent = (level * 1e8).rounded() / 1e6
    return Int(exactly: percent).map { "p\($0)" } ?? "p\(percent)"
  }
}

private func pinballLoss(_ actual: Double, _ quantile: Double, _ level: Double) -> Double {
  actual > quantile ? level * (actual - quantile) : (1 - level) * (quantile - actual)
}

private struct PointForecast: NumberForecast {
  let point: Double
  func quantile(_ level: Double) -> Double? { nil }
  func crps(_ actual: Double) -> Double? { nil }
}

private struct QuantileForecast: NumberForecast {
  let levels: [Double]
  /// In order.
  let values: [Double]

  init(_ levels: [Double], _ outputs: UnsafePointer<Float>) {
    self.levels = levels
    values = levels.indices.map { Double(outputs[$0]) }.sorted()
  }

  var point: Double { at(0.5) }
  func quantile(_ level: Double) -> Double? { at(level) }

  private func at(_ level: Double) -> Double {
    guard let next = levels.firstIndex(where: { $0 >= level }) else { return values[values.count - 1] }
    guard next > 0, levels[next] > level else { return values[next] }
    let share = (level - levels[next - 1]) / (levels[next] - levels[next - 1])
    return values[next - 1] + share * (values[next] - values[next - 1])
  }

  func crps(_ actual: Double) -> Double? {
    let losses = zip(levels, values).map { pinballLoss(actual, $1, $0) }
    return 2 * losses.reduce(0, +) / Double(losses.count)
  }
}
