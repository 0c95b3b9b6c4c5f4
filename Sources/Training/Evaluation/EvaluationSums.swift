import Dataset
import Foundation
import Recurrent

/// What is added up over samples: loss, weight, right, counted, then |error| and error² of each target column.
struct EvaluationSums {
  private let sums: [Double]

  init(_ sums: [Double]) { self.sums = sums }

  static func fields(_ targetWidth: Int) -> Int { 4 + 2 * targetWidth }

  func metrics(samples: Int, loss: Loss, scaler: Scaler?, shape: SampleShape) -> EvaluationMetrics {
    var metrics = EvaluationMetrics(samples: samples, loss: sums[0] / sums[1])
    if sums[3] > 0 { metrics.accuracy = sums[2] / sums[3] }
    if let tokens = shape.tokens {
      metrics.perplexity = exp(metrics.loss)
      if tokens != .word { metrics.bitsPerCharacter = metrics.loss / log(2) }
    }
    guard loss.hasErrors else { return metrics }
    let (mae, rmse) = errors { _ in 1 }
    metrics.mae = mae
    metrics.rmse = rmse
    if let scaler, !scaler.targets.isEmpty {
      let (mae, rmse) = errors { scaler.targetUnit($0) }
      metrics.originalUnits = EvaluationMetrics.OriginalUnits(mae: mae, rmse: rmse)
    }
    return metrics
  }

  /// - unit: what a column's errors are multiplied with.
  private func errors(unit: (Int) -> Double) -> (mae: Double, rmse: Double) {
    let width = (sums.count - 4) / 2
    var absolute = 0.0
    var squared = 0.0
    for column in 0..<width {
      let unit = unit(column)
      absolute += sums[4 + 2 * column] * unit
      squared += sums[5 + 2 * column] * unit * unit
    }
    // These losses weigh each number once.
    let count = sums[1]
    return (absolute / count, (squared / count).squareRoot())
  }
}

extension Scaler {
  /// How much one scaled unit of a target is in the units of the file.
  fileprivate func targetUnit(_ column: Int) -> Double {
    switch method {
    case .minmax: abs(1 / targets[column].scale)
    case .standard: abs(targets[column].scale)
    }
  }
}
