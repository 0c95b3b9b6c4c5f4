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

  /// Adds one row.
  func add(
    _ row: Int, _ x: UnsafePointer<Float>, _ targets: Loss.Targets, _ gradient: UnsafeMutablePointer<Float>?,
    to total: inout Loss.Total
  ) {
    let rowWeight = targets.classWeight(ofRow: row, ignoring: ignoreIndex)
    guard rowWeight > 0 else {
      gradient?.update(repeating: 0, count: width)
      return
    }
    let label = targets.classes[row]
    precondition(label >= 0 && label < Int32(width), "class \(label) is not in 0..<\(width)")
    let y = Int(label)
    let weight = weights?[y] ?? 1
    let logSum: Float
    if let gradient {
      logSum = kernels.functions.softmax(x, gradient, width)
      addTargets(gradient, y, weight)
      if rowWeight != 1 { for index in 0..<width { gradient[index] *= rowWeight } }
    } else {
      logSum = logSumExp(x)
    }
    let factor = Double(rowWeight)
    total.weight += factor * Double(weight)
    total.sum += factor * (Double((1 - smoothing) * weight) * Double(logSum - x[y]))
    total.sum += factor * smoothingLoss(x, logSum)
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
