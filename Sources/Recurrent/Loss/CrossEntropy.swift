import Kernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// -Σ tⱼ·log pⱼ with tⱼ = (1 - ε)·w_y·[j = y] + ε/C·wⱼ; its slope is pⱼ·Σt - tⱼ.
struct CrossEntropy {
  private let ignoreIndex: Int32
  private let weights: [Float]?
  private let smoothing: Float
  private let width: Int
  private let kernels: KernelSet

  init(_ ignoreIndex: Int32, _ weights: [Float]?, _ smoothing: Float, _ width: Int, _ kernels: KernelSet) {
    (self.ignoreIndex, self.weights, self.smoothing) = (ignoreIndex, weights, smoothing)
    (self.width, self.kernels) = (width, kernels)
  }

  /// What a row adds.
  struct RowTerms {
    /// How much it counts, as the loss and as its target does.
    var weight = 0.0
    var rowWeight = 0.0
    var likelihood = 0.0
    var smoothing = 0.0

    func add(to total: inout Loss.Total) {
      total.weight += weight
      total.sum += likelihood
      total.sum += smoothing
    }
  }

  /// Whether all logits of a row are needed once its gradient is there.
  var keepsLogits: Bool { smoothing > 0 }

  /// The class of a row that counts.
  func label(_ row: Int, _ targets: Loss.Targets) -> Int? {
    guard targets.classWeight(ofRow: row, ignoring: ignoreIndex) > 0 else { return nil }
    let label = targets.classes[row]
    precondition(label >= 0 && label < Int32(width), "class \(label) is not in 0..<\(width)")
    return Int(label)
  }

  /// - gradient: of the row; it may be `x` unless `keepsLogits`.
  func terms(
    _ row: Int, _ x: UnsafePointer<Float>, _ targets: Loss.Targets, _ gradient: UnsafeMutablePointer<Float>?
  ) -> RowTerms {
    guard let y = label(row, targets) else {
      gradient?.update(repeating: 0, count: width)
      return RowTerms()
    }
    let rowWeight = targets.classWeight(ofRow: row, ignoring: ignoreIndex)
    let (own, weight) = (x[y], weights?[y] ?? 1)
    let logSum: Float
    if let gradient {
      logSum = kernels.functions.softmax(x, gradient, width)
      addTargets(gradient, y, weight)
      if rowWeight != 1 { for index in 0..<width { gradient[index] *= rowWeight } }
    } else {
      logSum = logSumExp(x)
    }
    let factor = Double(rowWeight)
    return RowTerms(
      weight: factor * Double(weight), rowWeight: factor,
      likelihood: factor * (Double((1 - smoothing) * weight) * Double(logSum - own)),
      smoothing: factor * smoothingLoss(x, logSum))
  }

  private func logSumExp(_ x: UnsafePointer<Float>) -> Float {
    var top = x[0]
    for index in 1..<max(width, 1) where !(x[index] <= top) { top = x[index] }
    var sum = 0.0
    for index in 0..<width { sum += exp(Double(x[index] - top)) }
    return Float(Double(top) + log(sum))
  }

  private func smoothingLoss(_ x: UnsafePointer<Float>, _ logSum: Float) -> Double {
    guard smoothing > 0 else { return 0 }
    var sum = 0.0
    for index in 0..<width { sum += Double(weights?[index] ?? 1) * Double(logSum - x[index]) }
    return sum * Double(smoothing) / Double(width)
  }

  /// p → p·Σt - t in place.
  private func addTargets(_ p: UnsafeMutablePointer<Float>, _ y: Int, _ weight: Float) {
    let share = smoothing / Float(width)
    if smoothing > 0 || weights != nil {
      let mass = (1 - smoothing) * weight + share * (weights?.reduce(0, +) ?? Float(width))
      for index in 0..<width { p[index] = p[index] * mass - share * (weights?[index] ?? 1) }
    }
    p[y] -= (1 - smoothing) * weight
  }
}
