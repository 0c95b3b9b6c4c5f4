import Recur

extension Panel {
  /// Which class was taken for which, on the last part of the data; nil where there are no classes or far too many.
  static func confusion(_ model: CheckpointedModel) throws -> Panel? {
    let data = try model.loadData()
    guard let part = try data.parts(nil).last else { return nil }
    let evaluator = Evaluator(
      model: try model.model(for: data.shape), loss: model.recipe.loss, scaler: data.scaler)
    return confusion(try evaluator.examine(part.samples, classNames: data.classNames).details, part.split)
  }

  static func confusion(_ details: EvaluationDetails, _ split: DataPart) -> Panel? {
    guard let counts = details.confusion else { return nil }
    let names = details.classes.map { $0.map(\.name) } ?? []
    return Panel(
      xLabel: "predicted class, \(split.rawValue); shades: share of the actual class",
      yLabel: "actual class",
      matrix: ConfusionMatrix(
        names: names.count == counts.count ? names : counts.indices.map(String.init), counts: counts))
  }
}
