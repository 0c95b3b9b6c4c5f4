import Recurrent

extension Loss {
  /// The weight of the outputs that are right, of all that count; zeros where the loss has no right and wrong.
  package func score(
    outputs: UnsafePointer<Float>, rows: Int, width: Int, targets: Targets
  ) -> (right: Double, counted: Double) {
    switch self {
    case .crossEntropy(let ignoreIndex, _, _):
      var (right, counted) = (0.0, 0.0)
      for row in 0..<rows {
        let weight = Double(targets.classWeight(ofRow: row, ignoring: ignoreIndex))
        guard weight > 0 else { continue }
        counted += weight
        if largest(outputs + row * width, width) == Int(targets.classes[row]) { right += weight }
      }
      return (right, counted)
    case .bceWithLogits:
      var (right, counted) = (0.0, 0.0)
      for index in 0..<rows * width {
        let value = targets.values[index]
        let weight = Double(targets.weight(of: index, perRow: width))
        counted += weight
        if (outputs[index] > 0) == (value > 0.5) { right += weight }
      }
      return (right, counted)
    default: return (0, 0)
    }
  }

  /// Whether mae and rmse say something about its outputs.
  var hasErrors: Bool { !takesClasses && self != .bceWithLogits }

  /// Whether this is measured where it is the loss.
  package func measures(_ quantity: MetricName.Quantity) -> Bool {
    switch quantity {
    case .loss: true
    case .accuracy, .macroF1: !hasErrors
    case .mae, .rmse, .mape, .r2: hasErrors
    case .pinball, .crps: !levels.isEmpty
    case .perplexity, .sequenceAccuracy, .errorRate: takesClasses
    }
  }

  /// The plain negative log-likelihood, where the loss is weighted or smoothed; nil where it is the loss itself.
  var likelihood: Loss? {
    guard case .crossEntropy(let ignoreIndex, let weights, let smoothing) = self,
      weights != nil || smoothing > 0
    else { return nil }
    return .crossEntropy(ignoreIndex: ignoreIndex)
  }
}

/// The index of the largest number, the first of equals.
@inline(__always)
func largest(_ values: UnsafePointer<Float>, _ count: Int) -> Int {
  var best = 0
  for i in 1..<max(count, 1) where values[i] > values[best] { best = i }
  return best
}
