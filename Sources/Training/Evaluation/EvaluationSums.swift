import Dataset
import Foundation
import Recurrent

/// What is added up over batches in their order: loss, weight, negative log-likelihood, its count, rows; then for each target
/// column |error|, error², |error / actual|, actual values of 0, actual - pivot and (actual - pivot)².
struct EvaluationSums {
  private static let common = 5
  private static let perTarget = 6

  private let sums: [Double]
  private let scaler: Scaler?

  init(_ sums: [Double], scaler: Scaler?) {
    self.sums = sums
    self.scaler = scaler
  }

  static func fields(_ targetWidth: Int) -> Int { common + perTarget * targetWidth }

  /// Adds one batch.
  /// - values: targets `[rows, width]`; width 0 for classes.
  /// - pivots: a number near each target's, so that squares lose no digits.
  static func add(
    _ total: Loss.Total, likelihood: Loss.Total, outputs: UnsafePointer<Float>, values: UnsafePointer<Float>,
    rows: Int, pivots: [Double], scaler: Scaler?, to sums: UnsafeMutableBufferPointer<Double>
  ) {
    sums[0] += total.sum
    sums[1] += total.weight
    sums[2] += likelihood.sum
    sums[3] += likelihood.weight
    sums[4] += Double(rows)
    let width = pivots.count
    for column in 0..<width {
      let unit = scaler?.targetUnit(column) ?? 1
      let at = common + perTarget * column
      for row in 0..<rows {
        let actual = values[row * width + column]
        let error = Double(outputs[row * width + column]) - Double(actual)
        sums[at] += abs(error)
        sums[at + 1] += error * error
        let original = abs(scaler?.unscaled(actual, column) ?? Double(actual))
        // What float32 can't tell from 0 is 0.
        if original > unit * 1e-6 || (scaler == nil && original > 0) {
          sums[at + 2] += abs(error) * unit / original
        } else {
          sums[at + 3] += 1
        }
        let distance = Double(actual) - pivots[column]
        sums[at + 4] += distance
        sums[at + 5] += distance * distance
      }
    }
  }

  func metrics(samples: Int, loss: Loss, tokens: DataSpecification.Tokens?) -> EvaluationMetrics {
    var metrics = EvaluationMetrics(samples: samples, loss: sums[0] / sums[1])
    if let tokens, sums[3] > 0 {
      metrics.perplexity = exp(sums[2] / sums[3])
      if tokens != .word { metrics.bitsPerCharacter = sums[2] / sums[3] / log(2) }
    }
    guard loss.hasErrors, width > 0 else { return metrics }
    (metrics.mae, metrics.rmse) = errors { _ in 1 }
    let targets = targets([])
    if targets.allSatisfy({ $0.mape != nil }) { metrics.mape = mean(targets.compactMap(\.mape)) }
    if targets.allSatisfy({ $0.r2 != nil }) { metrics.r2 = mean(targets.compactMap(\.r2)) }
    if let scaler, !scaler.targets.isEmpty {
      let (mae, rmse) = errors { scaler.targetUnit($0) }
      metrics.originalUnits = EvaluationMetrics.OriginalUnits(mae: mae, rmse: rmse)
    }
    return metrics
  }

  /// The errors of each target in the units of the file.
  /// - names: numbers stand in for those that have none.
  func targets(_ names: [String]) -> [EvaluationDetails.TargetErrors] {
    (0..<width).map { column in
      let s = sums[(Self.common + Self.perTarget * column)...].prefix(Self.perTarget).map { $0 }
      let unit = scaler?.targetUnit(column) ?? 1
      let spread = s[5] - s[4] * s[4] / rows
      return EvaluationDetails.TargetErrors(
        name: column < names.count ? names[column] : "\(column)", mae: s[0] / rows * unit,
        rmse: (s[1] / rows).squareRoot() * unit, mape: s[3] == 0 ? s[2] / rows : nil,
        r2: rows < 2 ? nil : spread > 0 ? 1 - s[1] / spread : s[1] == 0 ? 1 : 0)
    }
  }

  private var rows: Double { sums[4] }
  private var width: Int { (sums.count - Self.common) / Self.perTarget }
  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  /// - unit: what a column's errors are multiplied with.
  private func errors(unit: (Int) -> Double) -> (mae: Double, rmse: Double) {
    var absolute = 0.0
    var squared = 0.0
    for column in 0..<width {
      let unit = unit(column)
      absolute += sums[Self.common + Self.perTarget * column] * unit
      squared += sums[Self.common + Self.perTarget * column + 1] * unit * unit
    }
    let count = rows * Double(width)
    return (absolute / count, (squared / count).squareRoot())
  }
}

extension Scaler {
  /// How much one scaled unit of a target is in the units of the file.
  fileprivate func targetUnit(_ column: Int) -> Double {
    guard !targets.isEmpty else { return 1 }
    let scale = abs(targets[column].scale)
    return method == .minmax ? 1 / scale : scale
  }

  fileprivate func unscaled(_ value: Float, _ column: Int) -> Double {
    targets.isEmpty ? Double(value) : unscaleTarget(value, column)
  }
}
