#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Output: the rate by softplus.
struct Poisson: CountDistribution {
  static let parameters = 1
  private let rate: Softplus

  init(_ outputs: UnsafePointer<Float>) { rate = Softplus(outputs[0]) }

  var mean: Double { rate.value }
  var variance: Double { rate.value }

  func negativeLogLikelihood(_ actual: Double, _ slopes: UnsafeMutablePointer<Float>?) -> Double {
    slopes?[0] = Float((mean - actual) * rate.relativeSlope)
    return mean - actual * rate.logarithm + logGamma(actual + 1)
  }

  func ratio(after k: Double) -> Double { mean / (k + 1) }

  var coarse: any NumberForecast { Gaussian(mean: mean, deviation: deviation) }
}
