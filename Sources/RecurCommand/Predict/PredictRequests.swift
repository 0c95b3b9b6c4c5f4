import Files
import Recur

/// Samples that another program sends line by line, each a JSON object, and waits for.
extension Predict {
  /// nil where the input is a whole file of the recipe's format.
  func requests(_ format: PredictionFormat) throws -> LineStream? {
    guard let input else { return nil }
    let isNamed = PredictionFormat.isOfLines(input)
    // text: an argument.
    guard isNamed || jsonl && input == "-" else { return nil }
    guard format == .jsonLines else {
      throw Failure.usage("--input \(input) is JSON lines by its name, and so are its answers; add --jsonl")
    }
    guard labels == nil else { throw Failure.usage("--labels is not for JSON lines") }
    return try LineStream(input, key: "--input")
  }

  /// Answers each line before it looks at the next, and returns how many answers there were. Those before a line that is wrong stay.
  func answer(_ lines: LineStream, _ model: CheckpointedModel, _ file: OutputFile) throws -> Int {
    var answerer = Answerer(model, wantsProbabilities: proba)
    var rows = 0
    do {
      while let line = try lines.next() {
        for answer in try answerer.rows(
          for: line, number: lines.number, place: "\(lines.name), line \(lines.number)")
        {
          try JSONPredictions(answer.columns, file).write(answer.row)
          rows += 1
        }
        try file.flush()
      }
    } catch let failure as Failure where failure.kind == .badData {
      if OutputFile.isStream(self.file) { try file.close() }
      throw failure
    }
    return rows
  }
}

extension CheckpointedModel {
  /// How many numbers a step of an array has, where the checkpoint says it.
  fileprivate var stepSize: Int? {
    if let scaler { return scaler.features.count }
    // text: a name of this program's layout.
    return file.tensors.first { $0.name == "rnn.weight_ih_l0" }?.shape.last
  }
}

/// Turns requests into rows of predictions, with one model as long as it fits.
private struct Answerer {
  private let checkpoint: CheckpointedModel
  private let wantsProbabilities: Bool
  private var model: Model?
  /// Columns of which it has been said that training did not see a value.
  private var noted: Set<Name> = []
  /// Series, likewise.
  private var notedSeries: Set<Name> = []

  init(_ checkpoint: CheckpointedModel, wantsProbabilities: Bool) {
    (self.checkpoint, self.wantsProbabilities) = (checkpoint, wantsProbabilities)
  }

  /// - number: of the line, from 1.
  mutating func rows(
    for line: [UInt8], number: Int, place: String
  ) throws -> [(columns: PredictionColumns, row: PredictedRow)] {
    var specification = checkpoint.inputSpecification(place, named: "--input")
    var request = try PredictRequest(line, place: place)
    specification.content = try request.content(for: &specification, features: checkpoint.stepSize)
    let data = try checkpoint.loadData(specification)
    Console.note(data.unseenCategories.filter { noted.insert(Name($0.column)).inserted })
    Console.note(unseenSeries: data.unseenSeries.filter { notedSeries.insert(Name($0)).inserted })
    let source = try checkpoint.rows(
      of: data, model: fitting(data.shape), wantsProbabilities: wantsProbabilities)
    var rows: [(PredictionColumns, PredictedRow)] = []
    try source.forEachRow(data.inputParts) { row in
      var row = row
      (row.sample, row.row, row.id) = (number - 1, nil, request.id)
      rows.append((source.columns, row))
    }
    return rows
  }

  /// The model of the request before, unless this one needs another.
  private mutating func fitting(_ shape: SampleShape) throws -> Model {
    var wanted = try checkpoint.recipe.network(for: shape)
    // Only a network that reads all steps as one vector depends on how many there are.
    if let model, !wanted.needsEqualLengths { wanted.steps = model.network.steps }
    if let model, model.network == wanted { return model }
    let made = try checkpoint.model(for: shape)
    model = made
    return made
  }
}
