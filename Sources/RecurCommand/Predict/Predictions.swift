import Foundation
import Recur

/// What a model says about each sample, brought back to the units of the data file.
struct Predictions {
  struct Sample {
    /// Its part's name.
    let part: String
    /// Number in its part.
    let number: Int
    /// Where there is a target for each step: which one, from 0.
    let step: Int?
    /// csv: the row of the file that holds the target, from 0.
    let row: Int?
    /// csv: the series and the time, see `PredictedRow`.
    let series: String?
    let time: String?
    /// Target values, or the number of the class.
    let actual: [Double]
    /// Values, or a probability for each class.
    let predicted: [Double]
  }

  let data: LoadedData
  let targetNames: [String]
  let classNames: [String]?

  private let wantsProbabilities: Bool
  private let loss: Loss
  private let evaluator: Evaluator

  /// - model: of this checkpoint, where it has been made.
  /// - wantsProbabilities: of however many classes.
  init(
    _ checkpoint: CheckpointedModel, _ data: LoadedData, model: Model? = nil, wantsProbabilities: Bool = false
  ) throws {
    self.data = data
    self.wantsProbabilities = wantsProbabilities
    loss = checkpoint.recipe.loss
    let model = try model ?? checkpoint.model(for: data.shape)
    evaluator = Evaluator(model: model, loss: loss, scaler: data.scaler)
    let outputs = model.architecture.outputSize
    targetNames = data.targetNames.count == outputs ? data.targetNames : (0..<outputs).map { "target_\($0)" }
    switch data.shape.target {
    case .values: classNames = nil
    case .classes:
      classNames = (0..<outputs).map { $0 < data.classNames.count ? data.classNames[$0] : "\($0)" }
    }
  }

  /// The samples of a part in order.
  func forEach(
    _ part: PredictedPart, _ body: (Sample) throws -> Void
  ) throws {
    let width = classNames?.count ?? targetNames.count
    try evaluator.predict(part.samples) { batch in
      var at = 0
      for (i, number) in batch.samples.enumerated() {
        let place = part.offset + number
        let scale = part.samples.targetScale(of: number) ?? data.scaler?.targets ?? []
        for step in 0..<(batch.lengths?[i] ?? 1) {
          let output = batch.outputs[at * width..<(at + 1) * width]
          try body(
            Sample(
              part: part.name, number: part.first + number, step: batch.lengths == nil ? nil : step,
              row: data.rows?[place], series: data.places?.series(of: place),
              time: hasTimes ? data.places?.time(of: place) ?? "" : nil,
              actual: actual(batch, at, width, scale),
              predicted: classNames == nil ? unscaled(output, scale) : probabilities(output)))
          at += 1
        }
      }
    }
  }

  private var hasTimes: Bool { data.places?.hasTimes == true }

  private func actual(
    _ batch: Evaluator.Prediction, _ row: Int, _ width: Int, _ scale: [Scaler.Column]
  ) -> [Double] {
    if classNames != nil { return [Double(batch.classes[row])] }
    return (0..<width).map { unscale(batch.values[row * width + $0], $0, scale) }
  }

  private func unscaled(_ output: ArraySlice<Float>, _ scale: [Scaler.Column]) -> [Double] {
    let isLogit = loss == .bceWithLogits
    return output.enumerated().map { isLogit ? 1 / (1 + exp(-Double($1))) : unscale($1, $0, scale) }
  }

  private func unscale(_ value: Float, _ column: Int, _ scale: [Scaler.Column]) -> Double {
    guard let scaler = data.scaler, !scale.isEmpty else { return Double(value) }
    return scaler.unscale(value, scale[column])
  }

  /// Softmax.
  private func probabilities(_ output: ArraySlice<Float>) -> [Double] {
    let largest = Double(output.max() ?? 0)
    let powers = output.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}

extension Predictions: RowSource {
  var columns: PredictionColumns {
    var columns = PredictionColumns(
      classNames.map { .classes($0) } ?? .numbers(targetNames), wantsProbabilities: wantsProbabilities)
    (columns.hasStep, columns.hasRow) = (data.shape.hasTargetPerStep, data.rows != nil)
    (columns.hasSeries, columns.hasTime) = (data.places?.names != nil, hasTimes)
    return columns
  }

  func forEachRow(_ parts: [PredictedPart], _ body: (PredictedRow) throws -> Void) throws {
    for part in parts { try forEach(part) { try body(row($0)) } }
  }

  private func row(_ sample: Sample) -> PredictedRow {
    PredictedRow(
      part: sample.part, sample: sample.number, step: sample.step, row: sample.row, series: sample.series,
      time: sample.time, answer: answer(sample))
  }

  private func answer(_ sample: Sample) -> PredictedRow.Answer {
    guard let classNames else { return .numbers(actual: sample.actual, predicted: sample.predicted) }
    let best = sample.predicted.indices.max { sample.predicted[$0] < sample.predicted[$1] } ?? 0
    let actual = Int(sample.actual[0])
    return .label(
      actual: classNames.indices.contains(actual) ? classNames[actual] : nil, predicted: classNames[best],
      probabilities: sample.predicted)
  }
}
