import Files
import Recur

extension Panel {
  /// Predicted against actual values of the first target: over time for a series, as points otherwise; nil for classes.
  static func predictions(_ model: CheckpointedModel) throws -> Panel? {
    try predictions(model.recipe, Predictions(model, model.loadData()))
  }

  /// - splits: the parts that are drawn, those that are there.
  /// - each: is given every sample, with its part.
  static func predictions(
    _ recipe: Recipe, _ predictions: Predictions, _ splits: [DataPart] = DataPart.allCases,
    each: (DataPart, Predictions.Sample) -> Void = { _, _ in }
  ) throws -> Panel? {
    let data = predictions.data
    guard predictions.classNames == nil, let name = predictions.targetNames.first else { return nil }
    var parts: [(split: DataPart, samples: [Predictions.Sample])] = []
    for split in splits {
      guard let part = try? data.predictedParts(split).first else { continue }
      var samples: [Predictions.Sample] = []
      try predictions.forEach(part) { sample in
        each(split, sample)
        samples.append(sample)
      }
      parts.append((split, samples))
    }
    if let last = parts.last?.samples,
      let panel = forecast(last, recipe, targets: recipe.data.targets)
    {
      return panel
    }
    let isSeries = data.shape.steps > 1 && data.rows != nil
    return isSeries
      ? series(parts, name, file: recipe.data.path, loss: recipe.loss) : scatter(parts, name)
  }

  /// The widest interval of the first target; none where nothing is said about it.
  static func band(_ loss: Loss, _ points: [Curve.Point]) -> [Curve] {
    guard let low = loss.levels.first, let high = loss.levels.last, low < high else { return [] }
    let names = [low, high].map(Loss.name(ofLevel:)).joined(separator: " to ")
    return [Curve(name: names, style: .band, color: .orange, points: points)]
  }

  private static func series(
    _ parts: [(split: DataPart, samples: [Predictions.Sample])], _ name: String, file: String, loss: Loss
  ) -> Panel {
    let samples = parts.flatMap(\.samples)
    func x(_ sample: Predictions.Sample) -> Double { Double(sample.row ?? sample.number) }
    var panel = Panel(
      xLabel: "row of \(Paths.name(of: file))", yLabel: name, countsX: true,
      curves: band(
        loss,
        samples.map {
          Curve.Point(x($0), $0.quantiles.first?.first ?? .nan, $0.quantiles.first?.last ?? .nan)
        })
        + [
          Curve(
            name: "actual", style: .thinLine, color: .blue,
            points: samples.map { Curve.Point(x($0), $0.actual[0]) }),
          Curve(
            name: "predicted", style: .thinLine, color: .orange,
            points: samples.map { Curve.Point(x($0), $0.predicted[0]) }),
        ])
    let kept = parts.filter { $0.split != .train }
    if let first = kept.first?.samples.first, parts.first?.split == .train {
      let after = kept.map(\.split.rawValue).joined(separator: ", ")
      panel.boundary = Boundary(x: x(first) - 0.5, before: "training", after: after)
    }
    return panel
  }

  private static func scatter(
    _ parts: [(split: DataPart, samples: [Predictions.Sample])], _ name: String
  ) -> Panel {
    let colors: [DataPart: Palette] = [.train: .blue, .validation: .green, .test: .orange]
    let curves = parts.map { part in
      Curve(
        name: part.split == .train ? "training" : part.split.rawValue, style: .points,
        color: colors[part.split] ?? .grey,
        points: part.samples.map { Curve.Point($0.actual[0], $0.predicted[0]) })
    }
    return Panel(xLabel: "actual \(name)", yLabel: "predicted \(name)", curves: curves, diagonal: true)
  }
}
