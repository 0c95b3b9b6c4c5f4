import Recur

extension Panel {
  /// Series drawn; more would be too small to read.
  static let mostFutures = 6

  /// The last rows of a series and what comes after them, of the first target.
  static func future(_ forecast: Forecast, series number: Int, _ loss: Loss) -> Panel {
    let (series, rows) = (forecast.series[number], forecast.rows.filter { $0.series == number })
    let history = series.history.suffix(max(24, 3 * rows.count)).map { $0[0] }
    let past = history.enumerated().map { Curve.Point(Double($0 + 1 - history.count), $1) }
    let interval = rows.compactMap { row -> Curve.Point? in
      guard let quantiles = row.quantiles.first, quantiles.count > 1 else { return nil }
      return Curve.Point(Double(row.step), quantiles[0], quantiles[quantiles.count - 1])
    }
    let target = forecast.targetNames[0]
    var panel = Panel(
      xLabel: "rows after the last one", yLabel: series.name.isEmpty ? target : "\(target), \(series.name)",
      curves: band(loss, interval) + [
        Curve(name: "history", style: .line, color: .blue, points: past),
        Curve(
          name: "forecast", style: .line, color: .orange,
          points: rows.map { Curve.Point(Double($0.step), $0.predicted[0]) }),
      ])
    panel.boundary = Boundary(x: 0.5, before: "history", after: "forecast")
    return panel
  }
}
