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
    /// Target values, or the number of the class.
    let actual: [Double]
    /// Values, or a probability for each class.
    let predicted: [Double]
  }

  let data: LoadedData
  let targetNames: [String]
  let classNames: [String]?

  private let loss: Loss
  private let evaluator: Evaluator

  init(_ checkpoint: CheckpointedModel, _ data: LoadedData) throws {
    self.data = data
    loss = checkpoint.recipe.loss
    let model = try checkpoint.model(for: data.shape)
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
        for step in 0..<(batch.lengths?[i] ?? 1) {
          let output = batch.outputs[at * width..<(at + 1) * width]
          try body(
            Sample(
              part: part.name, number: number, step: batch.lengths == nil ? nil : step,
              row: data.rows?[part.offset + number], actual: actual(batch, at, width),
              predicted: classNames == nil ? unscaled(output) : probabilities(output)))
          at += 1
        }
      }
    }
  }

  private func actual(_ batch: Evaluator.Prediction, _ row: Int, _ width: Int) -> [Double] {
    if classNames != nil { return [Double(batch.classes[row])] }
    return (0..<width).map { unscale(batch.values[row * width + $0], $0) }
  }

  private func unscaled(_ output: ArraySlice<Float>) -> [Double] {
    let isLogit = loss == .bceWithLogits
    return output.enumerated().map { isLogit ? 1 / (1 + exp(-Double($1))) : unscale($1, $0) }
  }

  private func unscale(_ value: Float, _ column: Int) -> Double {
    data.scaler.map { $0.targets.isEmpty ? Double(value) : $0.unscaleTarget(value, column) } ?? Double(value)
  }

  /// Softmax.
  private func probabilities(_ output: ArraySlice<Float>) -> [Double] {
    let largest = Double(output.max() ?? 0)
    let powers = output.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}

extension Predictions {
  /// The CSV's first line.
  var header: String {
    let place =
      ["split", "sample"] + (data.shape.hasTargetPerStep ? ["step"] : []) + (data.rows == nil ? [] : ["row"])
    guard let classNames else {
      return Self.line(place + targetNames.flatMap { ["actual_\($0)", "predicted_\($0)"] })
    }
    return Self.line(place + ["actual", "predicted"] + classNames.map { "probability_\($0)" })
  }

  func row(_ sample: Sample) -> String {
    let place =
      [sample.part, "\(sample.number)"]
      + [sample.step, sample.row].compactMap { $0.map(String.init) }
    guard let classNames else {
      return Self.line(
        place + zip(sample.actual, sample.predicted).flatMap { [Self.number($0), Self.number($1)] })
    }
    let best = sample.predicted.indices.max { sample.predicted[$0] < sample.predicted[$1] } ?? 0
    let actual = Int(sample.actual[0])
    return Self.line(
      place + [classNames.indices.contains(actual) ? classNames[actual] : "", classNames[best]]
        + sample.predicted.map(Self.number))
  }

  /// As many digits as a float32 holds; nothing for a number that is not known.
  private static func number(_ value: Double) -> String {
    value.isNaN ? "" : String(format: "%.7g", value)
  }

  /// Fields as RFC 4180 wants them.
  static func line(_ fields: [String]) -> String {
    var line: [UInt8] = []
    for (index, field) in fields.enumerated() {
      if index > 0 { line.append(UInt8(ascii: ",")) }
      append(field, to: &line)
    }
    return String(decoding: line, as: UTF8.self)
  }

  /// In quotes where its bytes could end a field.
  private static func append(_ field: String, to line: inout [UInt8]) {
    let quote = UInt8(ascii: "\"")
    let isQuoted = field.utf8.contains { $0 == UInt8(ascii: ",") || $0 == quote || $0 == 10 || $0 == 13 }
    if isQuoted { line.append(quote) }
    for byte in field.utf8 {
      if byte == quote { line.append(quote) }
      line.append(byte)
    }
    if isQuoted { line.append(quote) }
  }
}
