#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The regularized incomplete beta function I_x(a, b), by its continued fraction (Lentz's way).
/// - complement: 1 - x, which may have digits that x has lost.
func incompleteBeta(_ a: Double, _ b: Double, _ x: Double, complement y: Double) -> Double {
  if x <= 0 { return 0 }
  if y <= 0 { return 1 }
  guard x <= (a + 1) / (a + b + 2) else { return 1 - incompleteBeta(b, a, y, complement: x) }
  let logBeta = logGamma(a) + logGamma(b) - logGamma(a + b)
  let front = exp(a * log(x) + b * log(y) - logBeta) / a
  return min(1, front * betaFraction(a, b, x))
}

private func betaFraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
  let tiny = 1e-300
  func away(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
  var c = 1.0
  var d = 1 / away(1 - (a + b) * x / (a + 1))
  var result = d
  for step in 1...10_000 {
    let m = Double(step)
    for numerator in [
      m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
      -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
    ] {
      d = 1 / away(1 + numerator * d)
      c = away(1 + numerator / c)
      result *= d * c
    }
    if abs(d * c - 1) < 1e-15 { break }
  }
  return result
}
