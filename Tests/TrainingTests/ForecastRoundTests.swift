import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Forecasts of many steps, round by round.
@Suite(.tags(.fast)) struct ForecastRoundTests {
  private func forecaster(_ run: TemporaryRun) throws -> Forecaster {
    let recipe = try run.recipe("data.features=[c]", "train.epochs=1", "model.hidden_size=2")
    return try Forecaster(CheckpointedModel(contentsOf: run.train(recipe, out: "run").checkpoint))
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let start = now()
    try body()
    return now() - start
  }

  /// Four times the steps take about four times as long, not sixteen times.
  @Test func costWhatTheirWindowsCost() throws {
    let run = try TemporaryRun()
    let forecaster = try forecaster(run)
    let data = forecaster.checkpoint.recipe.data
    func time(_ steps: Int) throws -> Double {
      try seconds {
        let forecast = try forecaster.forecast(data, steps: steps)
        #expect(forecast.rows.count == steps)
      }
    }
    // Other tests share the processor: the best of some tries counts.
    let ratios = try (0..<3).map { _ in try time(12_000) / time(3000) }
    #expect(ratios.min()! < 9, "\(ratios)")
  }

  @Test func haveTheBitsOfOneRoundAfterTheOther() throws {
    let run = try TemporaryRun()
    let forecaster = try forecaster(run)
    let data = forecaster.checkpoint.recipe.data
    let long = try forecaster.forecast(data, steps: 40)
    for steps in [1, 7, 39] {
      let short = try forecaster.forecast(data, steps: steps)
      #expect(short.rows.map(\.predicted) == long.rows.prefix(steps).map(\.predicted))
    }
  }

  @Test func moreThanMemoryHoldsIsRefused() throws {
    let run = try TemporaryRun()
    let forecaster = try forecaster(run)
    let error = #expect(throws: Failure.self) {
      try forecaster.forecast(forecaster.checkpoint.recipe.data, steps: 1 << 50)
    }
    #expect(
      error?.kind == .unavailable && error?.message.contains("forecast fewer --steps") == true, "\(error!)")
  }

  @Test func aWindowIsChosenByItsHorizons() throws {
    for horizons in [[1], [3], [1, 2, 5], [2, 7, 8], [0, 1, 4]] {
      let plan = try ForecastPlan(horizons: horizons)
      let backs = (1...plan.length).map { step in horizons.first { $0 >= step }! - step }
      #expect(plan.back == backs.max(), "\(horizons)")
    }
  }
}
