import Files
import Recur

extension Panel {
  /// Forecasts drawn over the last part of the data; a longer stretch would be a blot.
  private static let forecasts = 12

  /// Forecasts from several origins, one after the other, over what came; nil where the data have one horizon.
  static func forecast(
    _ samples: [Predictions.Sample], _ recipe: Recipe, targets: [String]
  ) -> Panel? {
    let data = recipe.data
    guard let horizons = data.horizons, let first = horizons.first, let last = horizons.last else {
      return nil
    }
    let stretch = last - first + 1
    // Of several series the last one; their rows may alternate in the file.
    let series = samples.last?.series
    let own = samples.filter { sample in
      guard let name = sample.series, let series else { return true }
      return name.hasSameBytes(as: series)
    }
    let shown = own.suffix(stretch * forecasts)
    // A sample's row is that of its first horizon.
    func x(_ sample: Predictions.Sample) -> Double {
      Double(series == nil ? sample.row ?? sample.number : sample.number)
    }
    var curve = Curve(name: "forecast", style: .line, color: .orange, points: [])
    var band: [Curve.Point] = []
    for (index, sample) in shown.enumerated() where index % stretch == 0 {
      for (number, horizon) in horizons.enumerated() {
        let (place, target) = (x(sample) + Double(horizon - first), number * targets.count)
        curve.points.append(Curve.Point(place, sample.predicted[target]))
        let quantiles = sample.quantiles[target]
        guard quantiles.count > 1 else { continue }
        band.append(Curve.Point(place, quantiles[0], quantiles[quantiles.count - 1]))
      }
      band.append(Curve.Point(x(sample) + Double(stretch) - 0.5, .nan))
      curve.points.append(Curve.Point(x(sample) + Double(stretch) - 0.5, .nan))
    }
    return Panel(
      xLabel: (series.map { "sample of series \($0)" }
        ?? "row of \(Paths.name(of: data.path))")
        + ", forecasts of rows +\(first) to +\(last)",
      yLabel: targets[0], countsX: true,
      curves: Self.band(recipe.loss, band) + [
        Curve(
          name: "actual", style: .thinLine, color: .blue,
          points: shown.map { Curve.Point(x($0), $0.actual[0]) }),
        curve,
      ])
  }
}
