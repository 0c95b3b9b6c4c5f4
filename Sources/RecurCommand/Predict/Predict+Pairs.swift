import Files
import Recur

extension Predict {
  /// Of pairs the source, the target and what was found for it.
  func translate(
    _ model: CheckpointedModel, _ data: LoadedData, _ table: OutputFile, _ console: Console
  ) throws -> PredictReport {
    let recipe = model.recipe
    let source = Vocabulary(recipe.data.tokens, names: data.vocabulary)
    let target = Vocabulary(recipe.data.targetTokens ?? recipe.data.tokens, names: data.classNames)
    let evaluator = Evaluator(
      model: try model.model(for: data.shape), loss: recipe.loss, scaler: nil,
      beam: recipe.model.decoder?.beam ?? 1)
    try table.write("split,sample,source,actual,predicted")
    // Numbered in each part.
    var (rows, number) = (0, 0)
    var unanswered = data.unanswered[...]
    func write(_ part: String, _ source: String, _ actual: String = "", _ found: String = "") throws {
      try table.write(Predictions.line([part, "\(number)", source, actual, found]))
      (rows, number) = (rows + 1, number + 1)
    }
    /// Every line of another file is a row, one that can't be answered too.
    func writeUnanswered(before sample: Int, _ part: String) throws {
      while let line = unanswered.first, line.samplesBefore <= sample {
        try write(part, line.source)
        unanswered.removeFirst()
        if let token = line.unknown {
          Console.note(
            "recur: line \(line.line) has no prediction: \(quoted(token)) is not among the known tokens")
        }
      }
    }
    for part in try parts(of: data) {
      number = 0
      guard let pairs = part.samples.pairs else { continue }
      try evaluator.translate(pairs) { sample, found in
        try writeUnanswered(before: sample, part.name)
        try write(
          part.name, source.text(of: pairs.source(of: sample)), target.text(of: pairs.target(of: sample)),
          target.text(of: found))
      }
    }
    try writeUnanswered(before: .max, "input")
    try table.close()
    try console.say("\(Formatting.grouped(rows)) predictions of \(model.named)")
    try console.say("written to \(file)")
    return PredictReport(
      recipe: recipe.name, checkpoint: model.path, chosenBy: ChosenBy(model), output: file, rows: rows)
  }
}
