import Kernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A loss over the outputs of one batch, as a *sum* and the sum of weights to divide it by.
///
/// Whoever wants a mean divides once, after adding up all parts of a batch: the result then does not depend on the parts.
public enum Loss: Sendable, Equatable {
  case mse
  case mae
  /// PyTorch's `HuberLoss(delta)`.
  case huber(delta: Float)
  /// PyTorch's `CrossEntropyLoss(weight, ignore_index, label_smoothing)`.
  case crossEntropy(ignoreIndex: Int32 = -100, classWeights: [Float]? = nil, labelSmoothing: Float = 0)
  /// PyTorch's `BCEWithLogitsLoss`.
  case bceWithLogits

  /// A loss that was summed, not averaged.
  public struct Total: Sendable, Equatable {
    public var sum: Double
    /// Elements for mse, mae, huber, bce; class weight of the items not ignored for cross entropy.
    public var weight: Double
    public init(sum: Double = 0, weight: Double = 0) {
      self.sum = sum
      self.weight = weight
    }
  }

  /// Whether targets are class numbers rather than values.
  public var takesClasses: Bool { if case .crossEntropy = self { true } else { false } }

  /// The summed loss of `rows × width` outputs, and its gradient where asked for.
  /// - values: targets `[rows, width]`; used by mse, mae, huber, bce.
  /// - classes: targets `[rows]` in `0..<width`, or the ignored index; used by cross entropy.
  /// - gradient: `[rows, width]`, overwritten with the gradient of the *sum*.
  /// - start: of rows before these; the result has the bits of all as one call.
  public func evaluate(
    outputs: UnsafePointer<Float>, rows: Int, width: Int, values: UnsafePointer<Float>,
    classes: UnsafePointer<Int32>, gradient: UnsafeMutablePointer<Float>?, kernels: KernelSet = .preferred,
    addingTo start: Total = Total()
  ) -> Total {
    let count = rows * width
    switch self {
    case .mse:
      return Loss.sum(start, outputs, values, count, gradient) { d in (Double(d) * Double(d), 2 * d) }
    case .mae:
      return Loss.sum(start, outputs, values, count, gradient) { d in
        (Double(abs(d)), d > 0 ? 1 : d < 0 ? -1 : d)
      }
    case .huber(let delta):
      return Loss.sum(start, outputs, values, count, gradient) { d in
        abs(d) <= delta
          ? (0.5 * Double(d) * Double(d), d)
          : (Double(delta) * (Double(abs(d)) - 0.5 * Double(delta)), d > 0 ? delta : d < 0 ? -delta : d)
      }
    case .bceWithLogits:
      return Loss.binaryCrossEntropy(start, outputs, values, count, gradient, kernels)
    case .crossEntropy(let ignoreIndex, let classWeights, let smoothing):
      var total = start
      for row in 0..<rows {
        Loss.crossEntropyRow(
          outputs + row * width, width, classes[row], gradient.map { $0 + row * width }, ignoreIndex,
          classWeights,
          smoothing, kernels, &total)
      }
      return total
    }
  }

  /// Sums a function of the differences; it returns the value and the derivative.
  @inline(__always)
  private static func sum(
    _ start: Total, _ outputs: UnsafePointer<Float>, _ values: UnsafePointer<Float>, _ count: Int,
    _ gradient: UnsafeMutablePointer<Float>?, _ f: (Float) -> (Double, Float)
  ) -> Total {
    var sum = start.sum
    for index in 0..<count {
      let (value, slope) = f(outputs[index] - values[index])
      sum += value
      gradient?[index] = slope
    }
    return Total(sum: sum, weight: start.weight + Double(count))
  }

  /// max(x, 0) - x·y + log(1 + exp(-|x|)); its slope is sigmoid(x) - y.
  private static func binaryCrossEntropy(
    _ start: Total, _ outputs: UnsafePointer<Float>, _ values: UnsafePointer<Float>, _ count: Int,
    _ gradient: UnsafeMutablePointer<Float>?, _ kernels: KernelSet
  ) -> Total {
    var sum = start.sum
    for index in 0..<count {
      let x = outputs[index]
      sum += Double(max(x, 0) - x * values[index]) + log1p(exp(-Double(abs(x))))
    }
    if let gradient {
      kernels.functions.sigmoid(outputs, gradient, count)
      for index in 0..<count { gradient[index] -= values[index] }
    }
    return Total(sum: sum, weight: start.weight + Double(count))
  }

  /// -Σ tⱼ·log pⱼ with tⱼ = (1 - ε)·w_y·[j = y] + ε/C·wⱼ; its slope is pⱼ·Σt - tⱼ.
  private static func crossEntropyRow(
    _ x: UnsafePointer<Float>, _ width: Int, _ label: Int32, _ gradient: UnsafeMutablePointer<Float>?,
    _ ignoreIndex: Int32, _ weights: [Float]?, _ smoothing: Float, _ kernels: KernelSet, _ total: inout Total
  ) {
    guard label != ignoreIndex else {
      gradient?.update(repeating: 0, count: width)
      return
    }
    precondition(label >= 0 && label < Int32(width), "class \(label) is not in 0..<\(width)")
    let y = Int(label)
    let weight = weights?[y] ?? 1
    total.weight += Double(weight)
    if let gradient {
      let logSum = kernels.functions.softmax(x, gradient, width)
      total.sum += Double((1 - smoothing) * weight) * Double(logSum - x[y])
      addTargets(gradient, width, y, weight, weights, smoothing)
      total.sum += smoothingLoss(x, width, logSum, weights, smoothing)
    } else {
      let logSum = Loss.logSumExp(x, width)
      total.sum += Double((1 - smoothing) * weight) * Double(logSum - x[y])
      total.sum += smoothingLoss(x, width, logSum, weights, smoothing)
    }
  }

  private static func logSumExp(_ x: UnsafePointer<Float>, _ width: Int) -> Float {
    var top = x[0]
    for index in 1..<max(width, 1) where !(x[index] <= top) { top = x[index] }
    var sum = 0.0
    for index in 0..<width { sum += exp(Double(x[index] - top)) }
    return Float(Double(top) + log(sum))
  }

  private static func smoothingLoss(
    _ x: UnsafePointer<Float>, _ width: Int, _ logSum: Float, _ weights: [Float]?, _ smoothing: Float
  ) -> Double {
    guard smoothing > 0 else { return 0 }
    var sum = 0.0
    for index in 0..<width { sum += Double(weights?[index] ?? 1) * Double(logSum - x[index]) }
    return sum * Double(smoothing) / Double(width)
  }

  /// p → p·Σt - t in place.
  private static func addTargets(
    _ p: UnsafeMutablePointer<Float>, _ width: Int, _ y: Int, _ weight: Float, _ weights: [Float]?,
    _ smoothing: Float
  ) {
    let share = smoothing / Float(width)
    if smoothing > 0 || weights != nil {
      let mass = (1 - smoothing) * weight + share * (weights?.reduce(0, +) ?? Float(width))
      for index in 0..<width { p[index] = p[index] * mass - share * (weights?[index] ?? 1) }
    }
    p[y] -= (1 - smoothing) * weight
  }
}
