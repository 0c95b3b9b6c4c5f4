#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A loss of numbers, of one target at a time.
protocol TargetLoss {
  /// How many outputs say something about a target.
  var parameters: Int { get }
  /// What a target adds to the sum.
  /// - outputs: of this target.
  /// - slopes: the derivative by each output is written here.
  func value(
    _ outputs: UnsafePointer<Float>, _ actual: Float, _ slopes: UnsafeMutablePointer<Float>?
  ) -> Double
}

extension Loss {
  /// Adds up all targets of all rows.
  @inline(__always)
  static func sum(
    _ loss: some TargetLoss, _ outputs: UnsafePointer<Float>, _ rows: Int, _ width: Int, _ targets: Targets,
    _ gradient: UnsafeMutablePointer<Float>?, _ start: Total
  ) -> Total {
    let parameters = loss.parameters
    let perRow = width / parameters
    precondition(perRow * parameters == width, "\(width) outputs are not \(parameters) for each target")
    let count = rows * perRow
    var total = start
    guard targets.areAlike else {
      for index in 0..<count {
        let (actual, slopes) = (targets.values[index], gradient.map { $0 + index * parameters })
        let weight = targets.weight(of: index, perRow: perRow)
        guard weight > 0 else {
          slopes?.update(repeating: 0, count: parameters)
          continue
        }
        total.sum += Double(weight) * loss.value(outputs + index * parameters, actual, slopes)
        total.weight += Double(weight)
        if let slopes { for output in 0..<parameters { slopes[output] *= weight } }
      }
      return total
    }
    for index in 0..<count {
      let at = index * parameters
      total.sum += loss.value(outputs + at, targets.values[index], gradient.map { $0 + at })
    }
    total.weight += Double(count)
    return total
  }
}

struct SquaredError: TargetLoss {
  var parameters: Int { 1 }

  @inline(__always)
  func value(
    _ outputs: UnsafePointer<Float>, _ actual: Float, _ slopes: UnsafeMutablePointer<Float>?
  ) -> Double {
    let d = outputs[0] - actual
    slopes?[0] = 2 * d
    return Double(d) * Double(d)
  }
}

struct AbsoluteError: TargetLoss {
  var parameters: Int { 1 }

  @inline(__always)
  func value(
    _ outputs: UnsafePointer<Float>, _ actual: Float, _ slopes: UnsafeMutablePointer<Float>?
  ) -> Double {
    let d = outputs[0] - actual
    slopes?[0] = d > 0 ? 1 : d < 0 ? -1 : d
    return Double(abs(d))
  }
}

struct HuberError: TargetLoss {
  let delta: Float
  var parameters: Int { 1 }

  @inline(__always)
  func value(
    _ outputs: UnsafePointer<Float>, _ actual: Float, _ slopes: UnsafeMutablePointer<Float>?
  ) -> Double {
    let d = outputs[0] - actual
    if abs(d) <= delta {
      slopes?[0] = d
      return 0.5 * Double(d) * Double(d)
    }
    slopes?[0] = d > 0 ? delta : d < 0 ? -delta : d
    return Double(delta) * (Double(abs(d)) - 0.5 * Double(delta))
  }
}

/// max(x, 0) - x·y + log(1 + exp(-|x|)); its slope is sigmoid(x) - y.
struct BinaryCrossEntropy: TargetLoss {
  var parameters: Int { 1 }

  /// - slopes: holds sigmoid(x) already, which a kernel makes of many at once.
  @inline(__always)
  func value(
    _ outputs: UnsafePointer<Float>, _ actual: Float, _ slopes: UnsafeMutablePointer<Float>?
  ) -> Double {
    let x = outputs[0]
    slopes?[0] -= actual
    return Double(max(x, 0) - x * actual) + log1p(exp(-Double(abs(x))))
  }
}

/// The mean over the levels q of max(q·(y - x), (q - 1)·(y - x)).
struct Pinball: TargetLoss {
  private let levels: [Double]
  private let share: Double
  init(_ levels: [Double]) { (self.levels, share) = (levels, 1 / Double(levels.count)) }
  var parameters: Int { levels.count }

  func value(
    _ outputs: UnsafePointer<Float>, _ actual: Float, _ slopes: UnsafeMutablePointer<Float>?
  ) -> Double {
    var sum = 0.0
    for (index, level) in levels.enumerated() {
      let d = outputs[index] - actual
      // Of a difference of 0, or one that is no number, it is the difference itself.
      let slope = d > 0 ? 1 - level : d < 0 ? -level : Double(d)
      sum += slope * Double(d)
      slopes?[index] = Float(share * slope)
    }
    return share * sum
  }
}

/// The negative log-likelihood of a distribution whose parameters are the outputs.
struct Likelihood<Model: OutputDistribution>: TargetLoss {
  var parameters: Int { Model.parameters }

  func value(
    _ outputs: UnsafePointer<Float>, _ actual: Float, _ slopes: UnsafeMutablePointer<Float>?
  ) -> Double {
    Model(outputs).negativeLogLikelihood(Double(actual), slopes)
  }
}
