import Recur

struct BacktestReport: CommandReport {
  /// The scores of some of the rows.
  struct GroupScores: Encodable {
    let target: String
    /// nil for all.
    let series: String?
    /// nil for all.
    let step: Int?
    let scores: BacktestScores
  }

  var command = "backtest"
  let recipe: String
  let folds: Int
  /// Rows from one origin to the next, and of a forecast.
  let step: Int
  let steps: Int
  let season: Int?
  let output: String?
  /// Of each target over all, by step, by series, by both.
  let scores: [GroupScores]
  /// Of each target, where not all of its forecasts are compared.
  let partlyCompared: [Compared]

  /// Series that end before the test part of a run, and have nothing to compare.
  var leftOut: [String] = []

  /// How many forecasts of a target were compared: of the others the truth, the forecast or a naive one is not known.
  struct Compared: Encodable {
    let target: String
    let forecasts: Int
    let compared: Int
  }

  init(
    recipe: String, _ backtest: Backtest, targets: [String], _ rows: [Backtest.ScoredRow], output: String?
  ) {
    (self.recipe, self.output) = (recipe, output)
    (folds, step, steps) = (backtest.folds, backtest.step, backtest.steps)
    season = backtest.season > 1 ? backtest.season : nil
    let entries = targets.enumerated().map { number, target in
      Self.entries(rows.filter { $0.target == number }, target, backtest)
    }
    scores = entries.flatMap(\.self)
    partlyCompared = targets.enumerated().compactMap { number, target in
      let all = rows.count { $0.target == number }
      let own = entries[number].first?.scores.network.count ?? 0
      return own < all ? Compared(target: target, forecasts: all, compared: own) : nil
    }
  }

  private static func entries(_ rows: [Backtest.ScoredRow], _ target: String, _ backtest: Backtest)
    -> [GroupScores]
  {
    func entry(_ rows: [Backtest.ScoredRow], series: String? = nil, step: Int? = nil) -> GroupScores? {
      BacktestScores(rows, season: backtest.season).map {
        GroupScores(target: target, series: series, step: step, scores: $0)
      }
    }
    let bySeries = Dictionary(grouping: rows) { Name($0.series) }.sorted { $0.key < $1.key }
    let bySteps = Dictionary(grouping: rows, by: \.step).sorted { $0.key < $1.key }
    var entries = [entry(rows)] + bySteps.map { entry($0.value, step: $0.key) }
    if bySeries.count > 1 {
      for (name, rows) in bySeries {
        entries.append(entry(rows, series: name.text))
        for (step, rows) in Dictionary(grouping: rows, by: \.step).sorted(by: { $0.key < $1.key }) {
          entries.append(entry(rows, series: name.text, step: step))
        }
      }
    }
    return entries.compactMap { $0 }
  }

  /// So many lines of steps and of series are shown; `--json` has all.
  private static let shown = 48

  var lines: [String] {
    var lines = [
      "\(recipe): \(counted(folds, "fold")) of \(counted(steps, "step"))\(folds == 1 ? "" : ", \(counted(step, "row")) apart")"
    ]
    for target in scores.map(\.target).uniqued {
      let own = scores.filter { $0.target == target }
      let steps = own.filter { $0.series == nil && $0.step != nil }
      let series = own.filter { $0.series != nil && $0.step == nil }
      let rows =
        own.filter { $0.series == nil && $0.step == nil }.map { line("all", $0.scores) }
        + steps.prefix(Self.shown).map { line("step \($0.step ?? 0)", $0.scores) }
        + series.prefix(Self.shown).map { line("series \($0.series ?? "")", $0.scores) }
      lines += ["", target] + TextTable(header: header, rows: rows).lines
      let hidden = max(0, steps.count - Self.shown) + max(0, series.count - Self.shown)
      if hidden > 0 { lines.append("… and \(hidden) lines more with --json") }
    }
    return lines + notes
  }

  private func counted(_ count: Int, _ what: String) -> String { "\(count) \(what)\(count == 1 ? "" : "s")" }

  private var notes: [String] {
    let lines = partlyCompared.map {
      "\($0.target): \(Formatting.grouped($0.compared)) of \(Formatting.grouped($0.forecasts)) forecasts are compared; of the others the "
        + "truth, the forecast or a naive one is not known"
    }
    return lines.isEmpty ? [] : [""] + lines
  }

  private var header: [String] {
    ["", "forecasts", "MAE", "RMSE", "sMAPE", "MASE"] + (saysHowSure ? ["CRPS", "coverage"] : [])
      + ["last value: MAE", "MASE"]
      + (season == nil ? [] : ["seasonal: MAE", "MASE"])
  }

  private var saysHowSure: Bool { scores.contains { $0.scores.network.crps != nil } }

  private func line(_ name: String, _ scores: BacktestScores) -> [String] {
    func short(_ value: Double?) -> String { value.map { Formatting.short($0) } ?? "–" }
    let own = scores.network
    let naive = [scores.lastValue] + (scores.seasonalNaive.map { [$0] } ?? [])
    return [
      name, Formatting.grouped(own.count), short(own.mae), short(own.rmse), short(own.smape) + " %",
      short(own.mase),
    ]
      + (saysHowSure ? [short(own.crps), own.coverage.map(Formatting.percent) ?? "–"] : [])
      + naive.flatMap { [short($0.mae), short($0.mase)] }
  }
}

extension [String] {
  /// Each once, in the order of their first.
  fileprivate var uniqued: [String] {
    var seen: Set<Name> = []
    return filter { seen.insert(Name($0)).inserted }
  }
}

/// Every forecast of a backtest as a line of CSV, with the columns of a forecast.
struct BacktestTable {
  let hasSeason: Bool
  private(set) var targets: [String] = []
  private var levels: [Double] = []
  private var hasTimes = false

  init(hasSeason: Bool) { self.hasSeason = hasSeason }

  /// What the lines are of.
  mutating func take(_ forecast: Forecast) {
    (targets, levels) = (forecast.targetNames, forecast.levels)
    hasTimes = forecast.hasTimes
  }

  var header: String {
    CSVLine.text(
      ["fold", "series", "time", "step"]
        + (targets.count > 1 ? ["target"] : []) + ["actual", "predicted"] + levels.map(Loss.name(ofLevel:))
        + ["last_value"] + (hasSeason ? ["seasonal_naive"] : []))
  }

  func line(_ row: Backtest.ScoredRow) -> String {
    let numbers =
      [row.actual, row.predicted] + row.quantiles + [row.last] + (hasSeason ? [row.seasonal] : [])
    return CSVLine.text(
      ["\(row.fold + 1)", row.series, hasTimes ? row.time ?? "" : "\(row.record)", "\(row.step)"]
        + (targets.count > 1 ? [targets[row.target]] : []) + numbers.map(CSVPredictions.number))
  }
}
