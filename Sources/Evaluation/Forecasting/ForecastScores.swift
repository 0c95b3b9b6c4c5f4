/// How far forecasts are from what came, over some of them.
public struct ForecastScores: Sendable, Equatable, Encodable {
  /// Forecasts whose truth is known.
  public let count: Int
  /// In the units of the data file.
  public let mae: Double
  public let rmse: Double
  /// The mean of 200·|y - ŷ| / (|y| + |ŷ|), in percent from 0 to 200; a forecast of 0 that came true counts 0 (Makridakis 2020).
  public let smape: Double
  /// The mean of |y - ŷ| over the mean change of the series from one season to the next before the forecast's origin (Hyndman and
  /// Koehler 2006); nil where no history changes.
  public let mase: Double?
  /// Mean continuous ranked probability score, in the units of the data file; nil where forecasts don't say how sure they are.
  public var crps: Double?
  /// The share of the truth within the outermost quantiles.
  public var coverage: Double?
}

/// Adds up errors of forecasts.
public struct ForecastErrors: Sendable {
  private var count = 0
  private var absolute = 0.0
  private var squared = 0.0
  private var symmetric = 0.0
  private var scaled = 0.0
  private var scaledCount = 0
  private var ranked = 0.0
  private var rankedCount = 0
  private var covered = 0

  public init() {}

  /// - actual: what came; a truth or a forecast that nobody knows (NaN) counts nowhere.
  /// - scale: the mean absolute error that the naive forecast makes in the history; nil for none.
  public mutating func add(_ forecast: Double, actual: Double, scale: Double?) {
    let error = abs(actual - forecast)
    guard !error.isNaN else { return }
    count += 1
    absolute += error
    squared += error * error
    symmetric += error == 0 ? 0 : 200 * error / (abs(actual) + abs(forecast))
    guard let scale, scale > 0 else { return }
    scaled += error / scale
    scaledCount += 1
  }

  /// - quantiles: rising. What nobody knows (NaN), of these or of the truth, counts nowhere.
  public mutating func add(crps: Double, _ quantiles: [Double], actual: Double) {
    guard !(quantiles + [crps, actual]).contains(where: \.isNaN) else { return }
    ranked += crps
    rankedCount += 1
    if let low = quantiles.first, let high = quantiles.last, (low...max(low, high)).contains(actual) {
      covered += 1
    }
  }

  /// nil where there was nothing to compare.
  public var scores: ForecastScores? {
    guard count > 0 else { return nil }
    let n = Double(count)
    var scores = ForecastScores(
      count: count, mae: absolute / n, rmse: (squared / n).squareRoot(), smape: symmetric / n,
      mase: scaledCount > 0 ? scaled / Double(scaledCount) : nil)
    if rankedCount > 0 {
      scores.crps = ranked / Double(rankedCount)
      scores.coverage = Double(covered) / Double(rankedCount)
    }
    return scores
  }
}

/// Forecasts that need no network: what every other one is measured by.
public struct NaiveForecast: Sendable {
  /// The series up to the origin, oldest first; NaN where nobody knows a value.
  private let history: [Double]
  /// Rows from one season to the next, at least 1.
  private let season: Int

  public init(history: [Double], season: Int = 1) {
    precondition(season > 0, "a season has a row at least")
    (self.history, self.season) = (history, season)
  }

  /// The last value that is known; NaN where none is.
  public var last: Double { history.last { !$0.isNaN } ?? .nan }

  /// The value of the same place in the last season.
  /// - step: rows after the origin, from 1. NaN where the history does not reach back so far.
  public func seasonal(_ step: Int) -> Double {
    let back = (step + season - 1) / season * season - step
    let row = history.count - 1 - back
    return row < 0 ? .nan : history[row]
  }

  /// The mean absolute change from one season to the next; nil where there is none.
  public var scale: Double? {
    guard history.count > season else { return nil }
    let changes = zip(history, history.dropFirst(season)).map { abs($1 - $0) }.filter { !$0.isNaN }
    let mean = changes.reduce(0, +) / Double(changes.count)
    return mean > 0 ? mean : nil
  }
}
