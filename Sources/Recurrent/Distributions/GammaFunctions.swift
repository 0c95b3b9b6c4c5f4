#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// log Γ(x) for x > 0; of others it is no number.
func logGamma(_ x: Double) -> Double {
  guard x > 0 else { return .nan }
  var (x, product) = (x, 1.0)
  while x < 10 {
    product *= x
    x += 1
  }
  return (x - 0.5) * log(x) - x + halfLogTwoPi + stirlingRest(x) - log(product)
}

/// d log Γ(x) / dx for x > 0; of others it is no number.
func digamma(_ x: Double) -> Double {
  guard x > 0 else { return .nan }
  var (x, sum) = (x, 0.0)
  while x < 10 {
    sum += 1 / x
    x += 1
  }
  return log(x) - 0.5 / x + stirlingRestSlope(x) - sum
}

/// log(Γ(x + y) / Γ(x)) - y·log x, without what cancels for a large x.
func logGammaRise(_ x: Double, by y: Double) -> Double {
  guard x >= 10 else { return logGamma(x + y) - logGamma(x) - y * log(x) }
  return (x + y - 0.5) * log1p(y / x) - y + stirlingRest(x + y) - stirlingRest(x)
}

/// ψ(x + y) - ψ(x), without what cancels for a large x.
func digammaRise(_ x: Double, by y: Double) -> Double {
  guard x >= 10 else { return digamma(x + y) - digamma(x) }
  return log1p(y / x) + 0.5 * y / x / (x + y) + stirlingRestSlope(x + y) - stirlingRestSlope(x)
}

let halfLogTwoPi = 0.918938533204672741780

/// What Stirling's formula lacks for x ≥ 10, to fourteen digits.
private func stirlingRest(_ x: Double) -> Double {
  let s = 1 / (x * x)
  return (1.0 / 12 - s * (1.0 / 360 - s * (1.0 / 1260 - s * (1.0 / 1680 - s / 1188)))) / x
}

private func stirlingRestSlope(_ x: Double) -> Double {
  let s = 1 / (x * x)
  return -s * (1.0 / 12 - s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240 - s / 132))))
}
