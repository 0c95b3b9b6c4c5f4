import Batches
import Dataset
import Diagnostics
import Recurrent

/// Says what comes after the last rows of series.
///
///     let forecaster = try Forecaster(checkpoint)
///     let forecast = try forecaster.forecast(from: "history.csv", steps: 48)
///     for row in forecast.rows { print(row.step, row.predicted) }
public final class Forecaster {
  private static let batchSize = 128

  public let checkpoint: CheckpointedModel
  public let plan: ForecastPlan
  private var model: Model?

  /// - Throws: a `Failure` where the checkpoint is not one of a table whose numbers it predicts.
  public init(_ checkpoint: CheckpointedModel) throws {
    let data = checkpoint.recipe.data
    guard data.format == .csv else {
      throw Failure.usage(
        "\(checkpoint.path) was trained on data.format \(data.format.rawValue); forecasts are of csv")
    }
    if data.group != nil || data.text != nil {
      throw Failure.usage(
        "\(checkpoint.path) was trained on whole \(data.group == nil ? "texts" : "sequences (data.group)"), which nothing follows; use recur predict"
      )
    }
    if data.label != nil {
      throw Failure.usage(
        "\(checkpoint.path) predicts a class; recur predict --input says it of every window, the last one too"
      )
    }
    self.checkpoint = checkpoint
    plan = try ForecastPlan(horizons: data.allHorizons)
  }

  /// - data: the checkpoint's own, with the file to go on from in place of its.
  /// - steps: of each series; nil for the furthest horizon.
  public func forecast(_ data: DataSpecification, steps: Int? = nil) throws -> Forecast {
    let steps = steps ?? plan.length
    precondition(steps > 0, "a forecast has a step at least")
    var source = try ForecastSource(
      data.forForecasts, scaler: checkpoint.scaler, categoryNames: checkpoint.categoryNames ?? [],
      steps: plan.rounds(for: steps) * plan.length, back: plan.back)
    let model = try self.model ?? checkpoint.model(for: source.shape)
    self.model = model
    var rows = [[Forecast.Row]](repeating: [], count: source.series.count)
    for round in 0..<plan.rounds(for: steps) {
      let last = round * plan.length
      try source.update(windowsEndingIn: last - plan.back...last)
      for (series, found) in try run(model, source, after: last).enumerated() {
        for (index, said) in found.enumerated() {
          var row = Forecast.Row(
            series: series, step: last + index + 1, predicted: said.map(\.forecast.point),
            quantiles: said.map(\.forecast.quantiles))
          row.crps = crps(said, source, row)
          if row.step <= steps { rows[series].append(row) }
          source.set(row.predicted, series: series, step: row.step)
        }
      }
    }
    var forecast = Forecast(
      series: source.series, rows: rows.flatMap { $0 }, targetNames: source.targetNames,
      levels: checkpoint.recipe.loss.levels, hasTimes: source.hasTimes, short: source.short)
    (forecast.unseen, forecast.unseenCategories) = (source.unseen, source.unseenCategories)
    forecast.unobserved = source.unobserved(upTo: -plan.back)
    return forecast
  }

  /// One round.
  /// - Returns: for each series, for each step of the round, the targets.
  private func run(
    _ model: Model, _ source: ForecastSource, after last: Int
  ) throws -> [[[Said]]] {
    let windows = source.series.indices.flatMap { series in
      (0...plan.back).map { (series: series, step: last - $0) }
    }
    var outputs: [[Float]] = []
    var first = 0
    while first < windows.count {
      let part = Array(windows[first..<min(first + Self.batchSize, windows.count)])
      outputs += run(model, try source.batch(part))
      first += Self.batchSize
    }
    let (targets, loss) = (source.targetNames.count, checkpoint.recipe.loss)
    return source.series.indices.map { series in
      let own = outputs[(series * (plan.back + 1))...].prefix(plan.back + 1)
      let bases = own.indices.map { source.targetBase(of: series, step: last - ($0 - own.startIndex)) }
      let said = zip(own, bases).map { output, base in
        loss.forecasts(output[...], checkpoint.scaler, own: source.targetScale(of: series), base: base)
      }
      return (1...plan.length).map { step in
        let (back, horizon) = plan.window(for: step)
        return (horizon * targets..<(horizon + 1) * targets).map { place in
          Said(
            forecast: said[back][place], output: place, outputs: own[own.startIndex + back],
            base: bases[back]?[place % targets] ?? 0)
        }
      }
    }
  }

  /// What a window says about one target at one of the horizons.
  private struct Said {
    let forecast: TargetForecast
    /// Which of all targets at all horizons it is.
    let output: Int
    /// Of the window.
    let outputs: [Float]
    /// What the target counts from.
    let base: Double
  }

  /// Where the truth was held back and the loss says how sure it is, how far the two are apart.
  private func crps(_ said: [Said], _ source: ForecastSource, _ row: Forecast.Row) -> [Double?] {
    let (loss, truth) = (checkpoint.recipe.loss, source.series[row.series].truth)
    guard !loss.levels.isEmpty, row.step <= truth.count else { return [] }
    return zip(said, truth[row.step - 1]).map { said, truth in
      if truth.isNaN || said.base.isNaN { return nil }
      let distribution = said.outputs.withUnsafeBufferPointer {
        PredictiveDistribution(loss, outputs: $0.baseAddress! + said.output * loss.outputsPerTarget)
      }
      let actual = source.scaled(truth - said.base, series: row.series, output: said.output)
      return distribution.crps(actual.value).map { $0 * actual.unit }
    }
  }

  /// The outputs of each window; where each step has some, those of the last.
  private func run(_ model: Model, _ batch: Batch) -> [[Float]] {
    let (values, width) = (model.forward(batch, mode: .evaluation), model.network.outputSize)
    let all = batch.inOrder(values.baseAddress!, width: width)
    let stride = (batch.shape.hasTargetPerStep ? batch.shape.steps : 1) * width
    return (0..<batch.count).map { Array(all[($0 + 1) * stride - width..<($0 + 1) * stride]) }
  }
}

/// What comes after the last rows of series.
public struct Forecast: Sendable {
  public struct Row: Sendable {
    /// Its number in `series`.
    public let series: Int
    /// Rows after the last one, from 1.
    public let step: Int
    /// Of each target, in the units of the file.
    public let predicted: [Double]
    /// Of each target at the forecast's levels, likewise.
    public let quantiles: [[Double]]
    /// Of each target, in a backtest; empty where the loss does not say how sure it is.
    var crps: [Double?] = []

    package init(series: Int, step: Int, predicted: [Double], quantiles: [[Double]] = []) {
      (self.series, self.step, self.predicted, self.quantiles) = (series, step, predicted, quantiles)
    }
  }

  public let series: [ForecastSource.Series]
  /// Series after series, step after step.
  public let rows: [Row]
  public let targetNames: [String]
  /// Of the quantiles, rising; empty where the loss says nothing about them.
  public let levels: [Double]
  public let hasTimes: Bool
  public let hasNames: Bool
  /// Series that training did not see, where each has a scale of its own: they take the one over all.
  public var unseen: [String] = []
  /// Values of categorical columns that training did not see.
  public var unseenCategories: [UnseenCategories] = []
  /// Targets of series whose forecasts, or the first of them, are NaN: they are changes, and no value to count from was observed.
  public var unobserved: [(series: String, target: String)] = []
  /// Series whose history is too short for a window, with the rows that are missing.
  public let short: [(name: String, missing: Int)]

  package init(
    series: [ForecastSource.Series], rows: [Row], targetNames: [String], levels: [Double] = [],
    hasTimes: Bool = false, short: [(name: String, missing: Int)] = []
  ) {
    (self.series, self.rows, self.targetNames) = (series, rows, targetNames)
    (self.levels, self.hasTimes, self.short) = (levels, hasTimes, short)
    hasNames = series.contains { !$0.name.isEmpty }
  }
}

extension DataSpecification {
  /// Of one file whose targets are not there yet.
  fileprivate var forForecasts: DataSpecification {
    var data = self
    (data.split, data.targetRange) = (.init(), nil)
    (data.validationPath, data.testPath) = (nil, nil)
    // What is held back is the truth that forecasts are compared with.
    data.areTargetsOptional = true
    return data
  }
}
