#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A distribution of whole numbers from 0 on, whose probabilities follow from one another.
protocol CountDistribution: OutputDistribution {
  var mean: Double { get }
  var variance: Double { get }
  /// p(k + 1) / p(k)
  func ratio(after k: Double) -> Double
  /// Nearly the same where counts are so large that steps of one are not seen; a thousandth of the deviation is.
  var coarse: any NumberForecast { get }
}

/// A forecast in units of its own.
struct Stretched<Inner: NumberForecast>: NumberForecast {
  let unit: Double
  let inner: Inner

  var point: Double { unit * inner.point }
  func quantile(_ level: Double) -> Double? { inner.quantile(level).map { (unit * $0).rounded() } }
  func crps(_ actual: Double) -> Double? { inner.crps((actual / unit).rounded()).map { unit * $0 } }
}

extension CountDistribution {
  var point: Double { mean }
  var deviation: Double { variance.squareRoot() }
  private var isLarge: Bool { !(deviation < 2000) }

  /// The smallest number that the actual one does not exceed with this probability.
  func quantile(_ level: Double) -> Double? {
    guard level > 0, level < 1 else { return level > 0 ? .infinity : 0 }
    if isLarge { return coarse.quantile(level) }
    var found = 0.0
    forEachCount { k, cumulative, rest in
      found = k
      return cumulative < level && rest > 1e-12
    }
    return found
  }

  /// Σ (F(k) - [actual ≤ k])² over all k: the integral of the definition, exactly.
  func crps(_ actual: Double) -> Double? {
    if isLarge { return coarse.crps(actual) }
    var (sum, last) = (0.0, -1.0)
    forEachCount { k, cumulative, rest in
      // Numbers below the first that has a chance.
      if last < 0 { sum += max(0, k - actual) }
      last = k
      let distance = k < actual ? cumulative : 1 - cumulative
      sum += distance * distance
      return rest > 1e-12
    }
    return sum + max(0, actual - last - 1)
  }

  /// Numbers from the first one on that has a chance, with the probability of not exceeding them and one above that of exceeding them.
  private func forEachCount(_ goesOn: (_ k: Double, _ cumulative: Double, _ rest: Double) -> Bool) {
    var k = max(0, (mean - 12 * deviation).rounded(.down))
    var probability = exp(-negativeLogLikelihood(k, nil))
    var cumulative = 0.0
    for _ in 0..<1_000_000 {
      cumulative = min(1, cumulative + probability)
      let ratio = ratio(after: k)
      // From here on each is less likely than the one before, by this ratio or less.
      let rest = ratio < 1 && k >= mean ? probability * ratio / (1 - ratio) : 1
      guard goesOn(k, cumulative, rest) else { return }
      probability *= ratio
      k += 1
    }
  }
}
