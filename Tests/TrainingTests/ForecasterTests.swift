import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Forecasts from Swift.
@Suite(.tags(.fast)) struct ForecasterTests {
  /// A history that ends at row k gives the bits of the whole file's window at row k, and what is forecast goes into further rounds.
  @Test func `have the bits of the whole file's window`() throws {
    let run = try TemporaryRun()
    let recipe = try run.recipe("data.horizon=[1, 3]", "model.head=[{linear: 3}]", "data.features=[c, a]")
    let report = try run.train(recipe, out: "run")
    let checkpoint = try CheckpointedModel(contentsOf: report.checkpoint)
    var whole = checkpoint.recipe.data
    (whole.split, whole.areTargetsOptional) = (.init(), true)
    let data = try checkpoint.loadData(whole)
    let evaluator = Evaluator(
      model: try checkpoint.model(for: data.shape), loss: checkpoint.recipe.loss, scaler: data.scaler)
    var outputs: [[Float]] = []
    try evaluator.predict(data.train!) { prediction in
      for row in prediction.samples.indices {
        outputs.append(Array(prediction.outputs[row * 3..<row * 3 + 3]))
      }
    }
    let forecaster = try Forecaster(checkpoint)
    let lines = try String(contentsOfFile: run.path + "/series.csv", encoding: .utf8).split(separator: "\n")
    for rows in [4, 5, 30, 60] {
      try lines.prefix(rows + 1).joined(separator: "\n").write(
        toFile: run.path + "/cut.csv", atomically: true, encoding: .utf8)
      var cut = checkpoint.recipe.data
      cut.path = run.path + "/cut.csv"
      let forecast = try forecaster.forecast(cut)
      let scaler = try #require(data.scaler)
      let known = outputs[rows - 4].enumerated().map { column, output in
        Scaler.inDecimals(
          scaler.unscale(output, scaler.targets[column]), scaled: output, unit: scaler.targetUnit(column))
      }
      #expect(forecast.rows.map(\.step) == [1, 2, 3] && forecast.rows.map { $0.predicted[0] } == known)
      #expect(forecast.series.count == 1 && forecast.series[0].lastRecord == rows - 1)
    }
  }

  @Test func `of other data are refused`() throws {
    let run = try TemporaryRun()
    let nowcast = try run.train(run.recipe("data.horizon=0"), out: "nowcast")
    let error = #expect(throws: Failure.self) {
      try Forecaster(CheckpointedModel(contentsOf: nowcast.checkpoint))
    }
    #expect(error?.message.contains("data.horizon is 0") == true)
    let classes = try run.train(
      run.recipe("data.targets=null", "data.label=d", "loss=cross_entropy", "model.head=[{linear: 2}]"),
      out: "classes")
    #expect(throws: Failure.self) { try Forecaster(CheckpointedModel(contentsOf: classes.checkpoint)) }
  }
}
