#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Outputs: location; the scale and the degrees of freedom beyond 2 by softplus, so that there is a variance.
struct StudentT: OutputDistribution {
  static let parameters = 3
  let location: Double
  let scale: Double
  let degrees: Double
  private let scaleSlope: Double
  private let degreesSlope: Double

  init(_ outputs: UnsafePointer<Float>) {
    let (scale, degrees) = (Softplus(outputs[1]), Softplus(outputs[2]))
    location = Double(outputs[0])
    (self.scale, scaleSlope) = (scale.value + leastDeviation, scale.slope)
    (self.degrees, degreesSlope) = (degrees.value + 2, degrees.slope)
  }

  func negativeLogLikelihood(_ actual: Double, _ slopes: UnsafeMutablePointer<Float>?) -> Double {
    let (z, half) = ((location - actual) / scale, degrees / 2)
    let square = z * z
    let spread = log1p(square / degrees)
    if let slopes {
      let pull = (degrees + 1) / (degrees + square)
      slopes[0] = Float(pull * z / scale)
      slopes[1] = Float((1 - pull * square) / scale * scaleSlope)
      let byDegrees =
        0.5 * (spread - (digammaRise(half, by: 0.5) - 0.5 / half)) - 0.5 * pull * square / degrees
      slopes[2] = Float(byDegrees * degreesSlope)
    }
    return halfLogTwoPi - logGammaRise(half, by: 0.5) + log(scale) + 0.5 * (degrees + 1) * spread
  }

  var point: Double { location }

  /// Of the standard distribution.
  private func density(_ t: Double) -> Double {
    exp(
      logGammaRise(degrees / 2, by: 0.5) - halfLogTwoPi - 0.5 * (degrees + 1) * log1p(t * t / degrees))
  }

  /// The share beyond |t|, on one side.
  private func tail(_ t: Double) -> Double {
    // Beyond this, nothing tells it from the normal distribution.
    if degrees > 1e8 { return normalCumulative(-abs(t)) }
    let share = degrees / (degrees + t * t)
    return 0.5 * incompleteBeta(degrees / 2, 0.5, share, complement: t * t / (degrees + t * t))
  }

  func quantile(_ level: Double) -> Double? {
    guard level > 0, level < 1 else { return level > 0 ? .infinity : -.infinity }
    let wanted = min(level, 1 - level)
    if wanted == 0.5 { return location }
    // Newton's steps from the normal quantile; the tail is convex, so that none of them leads beyond its root.
    var t = -normalQuantile(wanted)
    for _ in 0..<100 {
      let step = (tail(t) - wanted) / density(t)
      t += step
      if abs(step) < 1e-12 * (1 + t) { break }
    }
    return location + scale * (level < 0.5 ? -t : t)
  }

  /// Jordan, Krüger and Lerch 2019, appendix A.
  func crps(_ actual: Double) -> Double? {
    let z = (actual - location) / scale
    let above = 1 - 2 * tail(z)
    // B(1/2, ν - 1/2) / B(1/2, ν/2)² by Γ(x + 1/2) / Γ(x).
    func rise(_ x: Double) -> Double { logGammaRise(x, by: 0.5) + 0.5 * log(x) }
    let ratio = exp(2 * rise(degrees / 2) - rise(degrees - 0.5) - 0.5 * log(Double.pi))
    return scale
      * (abs(z) * above + 2 * density(z) * (degrees + z * z) / (degrees - 1)
        - 2 * degrees.squareRoot() / (degrees - 1) * ratio)
  }
}
