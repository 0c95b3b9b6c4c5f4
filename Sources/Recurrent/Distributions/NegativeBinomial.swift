#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Outputs: the mean μ and the dispersion α by softplus; the variance is μ + α·μ².
///
/// In PyTorch's words `total_count` is 1/α and the odds are α·μ. For α towards 0 it is Poisson's distribution, without losing digits.
struct NegativeBinomial: CountDistribution {
  static let parameters = 2
  let mean: Double
  let dispersion: Double
  private let logMean: Double
  private let meanSlope: Double
  private let dispersionSlope: Double

  init(_ outputs: UnsafePointer<Float>) {
    let (mean, dispersion) = (Softplus(outputs[0]), Softplus(outputs[1]))
    (self.mean, logMean, meanSlope) = (mean.value, mean.logarithm, mean.relativeSlope)
    // Its reciprocal is finite.
    (self.dispersion, dispersionSlope) = (max(dispersion.value, 1e-30), dispersion.relativeSlope)
  }

  /// Of given parameters, without slopes.
  private init(mean: Double, dispersion: Double) {
    (self.mean, self.dispersion, logMean) = (mean, dispersion, log(mean))
    (meanSlope, dispersionSlope) = (0, 0)
  }

  var variance: Double { mean + dispersion * mean * mean }

  func negativeLogLikelihood(_ actual: Double, _ slopes: UnsafeMutablePointer<Float>?) -> Double {
    let (count, odds) = (1 / dispersion, dispersion * mean)
    let spread = log1p(odds)
    if let slopes {
      slopes[0] = Float((mean - actual) / (1 + odds) * meanSlope)
      let byDispersion =
        count * (digammaRise(count, by: actual) - spread) - actual
        + mean * ((1 + dispersion * actual) / (1 + odds))
      slopes[1] = Float(byDispersion * dispersionSlope)
    }
    return logGamma(actual + 1) - logGammaRise(count, by: actual) - actual * logMean
      + (actual + count) * spread
  }

  func ratio(after k: Double) -> Double {
    (dispersion * k + 1) / (k + 1) * (mean / (1 + dispersion * mean))
  }

  /// Counted in thousandths of the deviation, with mean and variance kept.
  var coarse: any NumberForecast {
    let unit = deviation / 1000
    let rest = dispersion + (1 - unit) / mean
    guard rest > 0, unit.isFinite else { return Gaussian(mean: mean, deviation: deviation) }
    return Stretched(unit: unit, inner: NegativeBinomial(mean: mean / unit, dispersion: rest))
  }
}
