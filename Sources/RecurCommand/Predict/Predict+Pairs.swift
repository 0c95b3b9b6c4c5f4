import Recur

extension Predict {
  /// Of pairs the source, the target and what was found for it.
  func translate(_ model: CheckpointedModel, _ data: LoadedData, _ console: Console) throws -> PredictReport {
    let recipe = model.recipe
    let source = Vocabulary(recipe.data.tokens, names: data.vocabulary)
    let target = Vocabulary(recipe.data.targetTokens ?? recipe.data.tokens, names: data.classNames)
    let evaluator = Evaluator(
      model: try model.model(for: data.shape), loss: recipe.loss, scaler: nil,
      beam: recipe.model.decoder?.beam ?? 1)
    let table = try OutputFile(file)
    try table.write("split,sample,source,actual,predicted")
    var rows = 0
    for part in try data.parts(input == nil ? split : nil) {
      guard let pairs = part.samples as? any PairedSet else { continue }
      try evaluator.translate(pairs) { sample, found in
        try table.write(
          Predictions.line([
            part.split.rawValue, "\(sample)", source.text(of: pairs.source(of: sample)),
            target.text(of: pairs.target(of: sample)), target.text(of: found),
          ]))
        rows += 1
      }
    }
    try table.close()
    try console.say("\(Formatting.grouped(rows)) predictions of \(model.path)")
    try console.say("written to \(file)")
    return PredictReport(recipe: recipe.name, checkpoint: model.path, output: file, rows: rows)
  }
}
