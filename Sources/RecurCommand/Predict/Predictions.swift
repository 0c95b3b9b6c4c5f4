import Recur

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

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
    /// Of each value the quantiles at the loss's levels, none where it says nothing about them; empty for classes.
    let quantiles: [[Double]]
  }

  let data: LoadedData
  let targetNames: [String]
  let classNames: [String]?

  private let wantsProbabilities: Bool
  private let loss: Loss
  private let evaluator: Evaluator
  /// Of a row.
  private let outputs: Int

  /// - model: of this checkpoint, where it has been made.
  /// - wantsProbabilities: of however many classes.
  init(
    _ checkpoint: CheckpointedModel, _ data: LoadedData, model: Model? = nil, wantsProbabilities: Bool = false
  ) throws {
    let model = try model ?? checkpoint.model(for: data.shape)
    self.init(checkpoint.recipe.loss, data, model: model, wantsProbabilities: wantsProbabilities)
  }

  init(_ loss: Loss, _ data: LoadedData, model: Model, wantsProbabilities: Bool = false) {
    (self.data, self.loss, self.wantsProbabilities) = (data, loss, wantsProbabilities)
    evaluator = Evaluator(model: model, loss: loss, scaler: data.scaler)
    outputs = model.network.outputSize
    let targets = outputs / loss.outputsPerTarget
    targetNames = data.targetNames.count == targets ? data.targetNames : (0..<targets).map { "target_\($0)" }
    switch data.shape.target {
    case .values: classNames = nil
    case .classes:
      let outputs = outputs
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
        let own = part.samples.targetScale(of: number)
        let base = part.samples.targetBase(of: number)
        for step in 0..<(batch.lengths?[i] ?? 1) {
          let output = batch.outputs[at * outputs..<(at + 1) * outputs]
          let said = classNames == nil ? loss.forecasts(output, data.scaler, own: own, base: base) : []
          try body(
            Sample(
              part: part.name, number: part.first + number, step: batch.lengths == nil ? nil : step,
              row: data.rows?[place], series: data.places?.series(of: place),
              time: hasTimes ? data.places?.time(of: place) ?? "" : nil,
              actual: actual(batch, at, width, own, base),
              predicted: classNames == nil ? said.map(\.point) : probabilities(output),
              quantiles: said.map(\.quantiles)))
          at += 1
        }
      }
    }
  }

  private var hasTimes: Bool { data.places?.hasTimes == true }

  private func actual(
    _ batch: Evaluator.Prediction, _ row: Int, _ width: Int, _ own: [Scaler.ColumnScale]?,
    _ base: [Double]?
  ) -> [Double] {
    if classNames != nil { return [Double(batch.classes[row])] }
    return (0..<width).map { column in
      let value = batch.values[row * width + column]
      let start = base.map { $0[column % $0.count] } ?? 0
      guard let scaler = data.scaler, !scaler.targets.isEmpty else {
        return Scaler.inDecimals(start + Double(value), scaled: value, unit: nil)
      }
      return Scaler.inDecimals(
        start + scaler.unscale(value, (own ?? scaler.targets)[column]), scaled: value,
        unit: scaler.targetUnit(column, own: own))
    }
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
    if classNames == nil { columns.levels = loss.levels.map(Loss.name(ofLevel:)) }
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
    guard let classNames else {
      return .numbers(actual: sample.actual, predicted: sample.predicted, quantiles: sample.quantiles)
    }
    let best = sample.predicted.indices.max { sample.predicted[$0] < sample.predicted[$1] } ?? 0
    let actual = Int(sample.actual[0])
    return .label(
      actual: classNames.indices.contains(actual) ? classNames[actual] : nil, predicted: classNames[best],
      probabilities: sample.predicted)
  }
}
