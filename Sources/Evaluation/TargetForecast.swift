import Dataset
import Recurrent

/// What a row of outputs says about one number to predict, in the units of the data file.
public struct TargetForecast: Sendable, Equatable {
  /// The median of a quantile loss, the mean of a distribution, a probability for bce_with_logits, else the output.
  public var point: Double
  /// At the levels asked for, never falling; empty where the loss says nothing about them.
  public var quantiles: [Double]
}

extension Loss {
  /// One forecast for each number to predict.
  /// - outputs: a row, `[targets, outputsPerTarget]`.
  /// - own: the scales of the sample's series, where it has some (`SampleSet.targetScale`).
  /// - base: what targets count from, where they are changes (`SampleSet.targetBase`).
  /// - levels: of the quantiles; nil for the loss's own.
  public func forecasts(
    _ outputs: ArraySlice<Float>, _ scaler: Scaler?, own: [Scaler.ColumnScale]? = nil, base: [Double]? = nil,
    levels: [Double]? = nil
  ) -> [TargetForecast] {
    let (width, levels) = (outputsPerTarget, self.levels.isEmpty ? [] : levels ?? self.levels)
    return (0..<outputs.count / width).map { target in
      let said = outputs.withUnsafeBufferPointer {
        PredictiveDistribution(self, outputs: $0.baseAddress! + target * width)
      }
      let start = base.map { $0[target % $0.count] } ?? 0
      func inFile(_ value: Double) -> Double {
        // A probability has no units.
        let scaled = Float(value)
        guard let scaler, !scaler.targets.isEmpty, self != .bceWithLogits else {
          return Scaler.inDecimals(start + value, scaled: scaled, unit: nil)
        }
        return Scaler.inDecimals(
          start + scaler.unscale(scaled, (own ?? scaler.targets)[target]), scaled: scaled,
          unit: scaler.targetUnit(target, own: own))
      }
      return TargetForecast(
        point: inFile(said.point), quantiles: levels.map { inFile(said.quantile($0) ?? .nan) })
    }
  }
}
