import Dataset
import Diagnostics

/// Forecasts from several origins, one after the other, beside what came (rolling origin).
///
/// The last fold ends with the last row of each series, the one before begins `step` rows earlier, and so on: statsforecast's
/// `cross_validation`.
public struct Backtest: Sendable {
  public let folds: Int
  /// Rows from one origin to the next.
  public let step: Int
  /// Rows of a forecast.
  public let steps: Int
  /// Rows of a season; 1 for none.
  public let season: Int

  public init(folds: Int, step: Int, steps: Int, season: Int = 1) {
    precondition(folds > 0 && step > 0 && steps > 0 && season > 0)
    (self.folds, self.step, self.steps, self.season) = (folds, step, steps, season)
  }

  /// Rows of each series that lie after the origin of a fold, from 0.
  public func withheld(_ fold: Int) -> Int { steps + (folds - 1 - fold) * step }

  /// One forecast beside what came and what needs no network.
  public struct ScoredRow: Sendable {
    public let fold: Int
    /// "" for one that has none.
    public let series: String
    public let time: String?
    /// Of the file, from 0.
    public let record: Int
    /// From 1.
    public let step: Int
    public let target: Int
    public let actual: Double
    public let predicted: Double
    /// At the levels of the loss.
    public let quantiles: [Double]
    public let last: Double
    public let seasonal: Double
    /// What errors are divided by for MASE; nil where the history does not change.
    let scale: Double?
    let crps: Double?
  }

  /// The rows of one fold.
  public func rows(_ fold: Int, of forecast: Forecast) -> [ScoredRow] {
    forecast.targetNames.indices.flatMap { target in
      let naive = forecast.series.map {
        NaiveForecast(history: $0.history.map { $0[target] }, season: season)
      }
      let (lasts, scales) = (naive.map(\.last), naive.map(\.scale))
      return forecast.rows.compactMap { row -> ScoredRow? in
        let series = forecast.series[row.series]
        guard row.step <= series.truth.count else { return nil }
        return ScoredRow(
          fold: fold, series: series.name, time: series.times[row.step - 1],
          record: series.lastRecord + row.step, step: row.step, target: target,
          actual: series.truth[row.step - 1][target], predicted: row.predicted[target],
          quantiles: row.quantiles.isEmpty ? [] : row.quantiles[target],
          last: lasts[row.series], seasonal: naive[row.series].seasonal(row.step), scale: scales[row.series],
          crps: row.crps.isEmpty ? nil : row.crps[target])
      }
    }
  }
}

/// How a network and the forecasts that need none did over some rows of a backtest: all over the same ones.
public struct BacktestScores: Sendable, Equatable, Encodable {
  public let network: ForecastScores
  public let lastValue: ForecastScores
  /// nil without a season.
  public let seasonalNaive: ForecastScores?

  /// Rows count where the truth, the network's forecast and the naive ones are all known. A season that reaches back to a value in no
  /// row is left out.
  ///
  /// nil where there was nothing to compare.
  public init?(_ rows: some Sequence<Backtest.ScoredRow>, season: Int) {
    var known = rows.filter { !$0.actual.isNaN && !$0.predicted.isNaN && !$0.last.isNaN }
    let seasonal = season > 1 ? known.filter { !$0.seasonal.isNaN } : []
    if !seasonal.isEmpty { known = seasonal }
    var errors = [ForecastErrors](repeating: ForecastErrors(), count: 3)
    for row in known {
      for (place, forecast) in [row.predicted, row.last, row.seasonal].enumerated() {
        errors[place].add(forecast, actual: row.actual, scale: row.scale)
      }
      if let crps = row.crps { errors[0].add(crps: crps, row.quantiles, actual: row.actual) }
    }
    guard let network = errors[0].scores, let last = errors[1].scores else { return nil }
    (self.network, lastValue) = (network, last)
    seasonalNaive = season > 1 ? errors[2].scores : nil
  }
}
