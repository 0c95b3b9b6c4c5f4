import Recurrent

extension Loss {
  /// How many outputs are right, of how many that count; zeros where the loss has no right and wrong.
  func score(
    outputs: UnsafePointer<Float>, rows: Int, width: Int, values: UnsafePointer<Float>,
    classes: UnsafePointer<Int32>
  ) -> (right: Int, counted: Int) {
    switch self {
    case .crossEntropy(let ignoreIndex, _, _):
      var right = 0
      var counted = 0
      for row in 0..<rows where classes[row] != ignoreIndex {
        counted += 1
        if largest(outputs + row * width, width) == Int(classes[row]) { right += 1 }
      }
      return (right, counted)
    case .bceWithLogits:
      var right = 0
      for i in 0..<rows * width where (outputs[i] > 0) == (values[i] > 0.5) { right += 1 }
      return (right, rows * width)
    case .mse, .mae, .huber: return (0, 0)
    }
  }

  /// Whether mae and rmse say something about its outputs.
  var hasErrors: Bool {
    switch self {
    case .mse, .mae, .huber: true
    case .crossEntropy, .bceWithLogits: false
    }
  }

  /// Whether this is measured where it is the loss.
  func measures(_ quantity: MetricName.Quantity) -> Bool {
    switch quantity {
    case .loss: true
    case .accuracy, .macroF1: !hasErrors
    case .mae, .rmse, .mape, .r2: hasErrors
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
