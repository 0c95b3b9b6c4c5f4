#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A distribution of one number, whose parameters are outputs of a network. All arithmetic is in double.
protocol OutputDistribution: NumberForecast {
  /// How many outputs it takes.
  static var parameters: Int { get }
  /// - outputs: any numbers; those that must be positive go through softplus.
  init(_ outputs: UnsafePointer<Float>)
  /// - slopes: the derivative by each output is written here.
  func negativeLogLikelihood(_ actual: Double, _ slopes: UnsafeMutablePointer<Float>?) -> Double
}

/// What is said about a number that is not known yet.
protocol NumberForecast: Sendable {
  /// The one number to name.
  var point: Double { get }
  /// The number that the actual one does not exceed with this probability, 0...1 without its ends; nil where nothing is said about it.
  func quantile(_ level: Double) -> Double?
  /// The continuous ranked probability score, in the number's own units: the absolute error of a forecast that is one number.
  func crps(_ actual: Double) -> Double?
}

/// log(1 + exp(x)), what it is by x, and its logarithm, for any x that is a number.
struct Softplus {
  let value: Double
  /// d value / dx.
  let slope: Double
  /// slope / value.
  let relativeSlope: Double
  let logarithm: Double

  init(_ raw: Float) {
    let x = Double(raw)
    value = max(x, 0) + log1p(exp(-abs(x)))
    slope = x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))
    // Below, softplus is exp(x) to the last bit, and would end at 0.
    relativeSlope = x < -40 ? 1 : slope / value
    logarithm = x < -40 ? x : log(value)
  }
}

/// The smallest deviation of a distribution, in scaled units: as PyTorch's `GaussianNLLLoss(eps=1e-6)`, whose variance is not less.
package let leastDeviation = 1e-3
