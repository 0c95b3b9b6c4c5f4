import Recur

/// Of pairs the source, the target and what is found for it.
struct Translations: RowSource {
  let columns = PredictionColumns(.sequences, wantsProbabilities: false)
  private let data: LoadedData
  private let source: Vocabulary
  private let target: Vocabulary
  private let evaluator: Evaluator

  init(_ checkpoint: CheckpointedModel, _ data: LoadedData, model: Model? = nil) throws {
    let recipe = checkpoint.recipe
    self.data = data
    source = Vocabulary(recipe.data.tokens, names: data.vocabulary)
    target = Vocabulary(recipe.data.targetTokens ?? recipe.data.tokens, names: data.classNames)
    evaluator = Evaluator(
      model: try model ?? checkpoint.model(for: data.shape), loss: recipe.loss, scaler: nil,
      beam: recipe.model.decoder?.beam ?? 1)
  }

  func forEachRow(_ parts: [PredictedPart], _ body: (PredictedRow) throws -> Void) throws {
    var unanswered = data.unanswered[...]
    // Numbered in each part.
    var number = 0
    func give(_ part: String, _ source: String, _ actual: String = "", _ found: String? = nil) throws {
      let answer = PredictedRow.Answer.sequence(source: source, actual: actual, predicted: found)
      try body(PredictedRow(part: part, sample: number, answer: answer))
      number += 1
    }
    /// Every line of another file is a row, one that can't be answered too.
    func giveUnanswered(before sample: Int, _ part: String) throws {
      while let line = unanswered.first, line.samplesBefore <= sample {
        try give(part, line.source)
        unanswered.removeFirst()
        if let token = line.unknown {
          Console.note(
            "recur: line \(line.line) has no prediction: \(quoted(token)) is not among the known tokens")
        }
      }
    }
    for part in parts {
      number = 0
      guard let pairs = part.samples.pairs else { continue }
      try evaluator.translate(pairs) { sample, found in
        try giveUnanswered(before: sample, part.name)
        try give(
          part.name, source.text(of: pairs.source(of: sample)), target.text(of: pairs.target(of: sample)),
          target.text(of: found))
      }
    }
    try giveUnanswered(before: .max, "input")
  }
}
