#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Outputs: mean, and the deviation by softplus.
struct Gaussian: OutputDistribution {
  static let parameters = 2
  let mean: Double
  let deviation: Double
  private let slope: Double

  init(_ outputs: UnsafePointer<Float>) {
    let raw = Softplus(outputs[1])
    (mean, deviation, slope) = (Double(outputs[0]), raw.value + leastDeviation, raw.slope)
  }

  /// Of given parameters, without slopes.
  init(mean: Double, deviation: Double) { (self.mean, self.deviation, slope) = (mean, deviation, 0) }

  func negativeLogLikelihood(_ actual: Double, _ slopes: UnsafeMutablePointer<Float>?) -> Double {
    let z = (mean - actual) / deviation
    if let slopes {
      slopes[0] = Float(z / deviation)
      slopes[1] = Float((1 - z * z) / deviation * slope)
    }
    return log(deviation) + 0.5 * z * z + halfLogTwoPi
  }

  var point: Double { mean }

  func quantile(_ level: Double) -> Double? { mean + deviation * normalQuantile(level) }

  func crps(_ actual: Double) -> Double? {
    let z = (actual - mean) / deviation
    return deviation * (z * (2 * normalCumulative(z) - 1) + 2 * normalDensity(z) - 1 / Double.pi.squareRoot())
  }
}

func normalDensity(_ z: Double) -> Double { exp(-0.5 * z * z - halfLogTwoPi) }
func normalCumulative(_ z: Double) -> Double { 0.5 * erfc(-z * 0.5.squareRoot()) }

/// The inverse of `normalCumulative`: a start with four digits (Abramowitz and Stegun 26.2.23), then Halley's steps.
func normalQuantile(_ level: Double) -> Double {
  guard level > 0 else { return -.infinity }
  guard level < 1 else { return .infinity }
  let tail = min(level, 1 - level)
  let t = (-2 * log(tail)).squareRoot()
  let start =
    t - (2.515517 + t * (0.802853 + t * 0.010328))
    / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
  var z = level < 0.5 ? -start : start
  for _ in 0..<3 {
    // In the tail of the level, where no digits are lost.
    let excess = level < 0.5 ? normalCumulative(z) - level : (1 - level) - normalCumulative(-z)
    let step = excess / normalDensity(z)
    z -= step / (1 + 0.5 * z * step)
  }
  return z
}
