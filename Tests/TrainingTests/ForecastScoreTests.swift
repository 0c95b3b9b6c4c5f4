import Dataset
import Foundation
import TestSupport
import Testing
import Training

@Suite("Scores of forecasts equal NumPy's", .tags(.fast)) struct ForecastScoreTests {
  struct Expected: Decodable, Sendable {
    struct Scores: Decodable, Sendable {
      let count: Int
      let mae, rmse, smape, mase: Double
    }
    let season: Int
    /// Of the network, the last value and the seasonal naive forecast.
    let all: [Scores]
    let steps, series: [[Scores]]
  }

  private static let (rows, folds, steps, count) = (40, 4, 5, 3)

  private func value(_ series: Int, _ row: Int) -> Double {
    if series == 2, row % 11 == 7 { return .nan }
    return 10 * Double(series) + 3 * sin(0.7 * Double(row) + Double(series)) + 0.1 * Double(row)
  }

  /// The forecasts of one fold, made up.
  private func forecast(_ fold: Int, _ backtest: Backtest) -> Forecast {
    let origin = Self.rows - backtest.withheld(fold)
    let series = (0..<Self.count).map { number in
      ForecastSource.Series(
        name: "\(number)", lastRecord: origin - 1, times: [String?](repeating: nil, count: Self.steps),
        history: (0..<origin).map { [value(number, $0)] },
        truth: (0..<Self.steps).map { [value(number, origin + $0)] })
    }
    let rows = (0..<Self.count).flatMap { number in
      (1...Self.steps).map { step in
        let predicted = 10 * Double(number) + 2 * cos(0.9 * Double(fold) + 0.3 * Double(step))
        return Forecast.Row(series: number, step: step, predicted: [predicted])
      }
    }
    return Forecast(series: series, rows: rows, targetNames: ["y"])
  }

  @Test func `over folds, by step and by series`() throws {
    let all: [Expected] = try Reference.load("forecasts.json")
    #expect(all.map(\.season) == [1, 4, 7])
    for expected in all {
      let backtest = Backtest(folds: Self.folds, step: 3, steps: Self.steps, season: expected.season)
      let rows = (0..<Self.folds).flatMap { backtest.rows($0, of: forecast($0, backtest)) }
      #expect(rows.count == Self.folds * Self.count * Self.steps)
      try check(rows, expected.all, expected.season)
      for (index, known) in expected.steps.enumerated() {
        try check(rows.filter { $0.step == index + 1 }, known, expected.season)
      }
      for (index, known) in expected.series.enumerated() {
        try check(rows.filter { $0.series == "\(index)" }, known, expected.season)
      }
    }
  }

  private func check(_ rows: [Backtest.ScoredRow], _ known: [Expected.Scores], _ season: Int) throws {
    let found = try #require(BacktestScores(rows, season: season))
    #expect((found.seasonalNaive == nil) == (season == 1))
    for (scores, known) in zip([found.network, found.lastValue, found.seasonalNaive], known) {
      guard let scores else { continue }
      #expect(scores.count == known.count)
      for (a, b) in [
        (scores.mae, known.mae), (scores.rmse, known.rmse), (scores.smape, known.smape),
        (try #require(scores.mase), known.mase),
      ] { #expect(abs(a - b) < 1e-12 * abs(b)) }
    }
  }

  @Test func `a series that never changes has no scale, and nothing to compare has no scores`() {
    let naive = NaiveForecast(history: [2, 2, 2], season: 2)
    #expect(naive.scale == nil && naive.last == 2 && naive.seasonal(1) == 2)
    #expect(NaiveForecast(history: [1], season: 3).seasonal(1).isNaN)
    var errors = ForecastErrors()
    errors.add(1, actual: .nan, scale: nil)
    #expect(errors.scores == nil)
    errors.add(0, actual: 0, scale: nil)
    #expect(errors.scores?.smape == 0 && errors.scores?.mase == nil && errors.scores?.count == 1)
    errors.add(crps: .nan, [.nan, .nan], actual: 1)
    errors.add(crps: 1, [0, .nan], actual: 1)
    errors.add(crps: 1, [0, 1], actual: .nan)
    #expect(errors.scores?.crps == nil && errors.scores?.coverage == nil)
    errors.add(crps: 1, [0, 1], actual: 1)
    #expect(errors.scores?.crps == 1 && errors.scores?.coverage == 1)
  }

  @Test func `each row is asked of the latest window that says it`() throws {
    let one = try ForecastPlan(horizons: [5])
    #expect(one.length == 5 && one.back == 4 && one.rounds(for: 5) == 1 && one.rounds(for: 6) == 2)
    let all = try ForecastPlan(horizons: [1, 2, 3])
    #expect(all.back == 0 && all.length == 3)
    #expect(try ForecastPlan(horizons: [0, 2, 6]).back == 3)
    #expect(throws: (any Error).self) { try ForecastPlan(horizons: [0]) }
  }
}
