import Batches
import Dataset
import Diagnostics
import Digests
import Foundation
import Recurrent
import Training

/// What is done with a finished run: measuring, predicting, exporting.
extension CombinationCheck {
  func use(_ whole: FinishedRun) {
    var loaded: (CheckpointedModel, LoadedData, Model)?
    check("load") {
      let model = try CheckpointedModel(contentsOf: whole.report.runDirectory)
      let data = try model.loadData()
      loaded = (model, data, try model.model(for: data.shape))
      return nil
    }
    guard let (checkpoint, data, model) = loaded else { return }
    if plant == .evaluate { model.parameters[0] += 0.5 }
    model.parametersChanged()
    check("evaluate") { try evaluate(checkpoint, data, model, whole.report) }
    switch combination.kind {
    case .text: check("generate") { try generate(checkpoint, model) }
    case .pairs: check("translate") { try translate(checkpoint, data, model) }
    default: check("predict") { try predict(checkpoint, data, model) }
    }
    check("export") { try export(checkpoint, whole.report) }
    check("export: ONNX") { try exportONNX(checkpoint) }
  }

  private func evaluator(_ checkpoint: CheckpointedModel, _ data: LoadedData, _ model: Model) -> Evaluator {
    Evaluator(
      model: model, loss: checkpoint.recipe.loss, scaler: data.scaler,
      beam: checkpoint.recipe.model.decoder?.beam ?? 1)
  }

  /// The numbers that training printed at its end, to the last digit.
  private func evaluate(
    _ checkpoint: CheckpointedModel, _ data: LoadedData, _ model: Model, _ report: TrainingReport
  ) throws -> String? {
    for (name, set, metrics) in [
      ("validation", data.validation, report.validation), ("test", data.test, report.test),
    ] {
      guard let set else { continue }
      let (found, details) = try evaluator(checkpoint, data, model).examine(
        set, classNames: data.classNames, targetNames: data.targetNames)
      if let place = Comparison.difference(
        JSONValue(encoding: metrics), JSONValue(encoding: found), at: name)
      {
        return place
      }
      if let confusion = details.confusion, let classes = details.classes, confusion.count == classes.count,
        checkpoint.recipe.loss.countsAll,
        zip(confusion, classes).contains(where: { $0.reduce(0, +) != $1.support })
      {
        return "\(name): a row of the confusion matrix is not its class's samples"
      }
    }
    return nil
  }

  /// The mean error or the share of right answers, taken from the predictions one by one.
  private func predict(_ checkpoint: CheckpointedModel, _ data: LoadedData, _ model: Model) throws -> String?
  {
    guard let set = data.train else { return "there is no training part" }
    let evaluator = evaluator(checkpoint, data, model)
    let metrics = try evaluator.evaluate(set)
    let width = model.network.outputSize
    var (samples, known, right, counted, errors) = (0, 0, 0, 0, 0.0)
    try evaluator.predict(set) { part in
      samples += part.samples.count
      // Of what is in one unit: without the scaler.
      let points = part.values.isEmpty ? [] : checkpoint.recipe.loss.forecasts(part.outputs[...], nil)
      for (said, actual) in zip(points, part.values) where !actual.isNaN {
        errors += abs(said.point - Double(actual))
        known += 1
      }
      for (row, actual) in part.classes.enumerated() where checkpoint.recipe.loss.counts(actual) {
        let outputs = part.outputs[row * width..<(row + 1) * width]
        counted += 1
        right += outputs.firstIndex(of: outputs.max()!)! - outputs.startIndex == Int(actual) ? 1 : 0
      }
    }
    if plant == .predict { samples -= 1 }
    // Metrics are weighted then.
    if set.shape.hasWeights {
      return samples == set.count ? nil : "\(samples) predictions for \(set.count) samples"
    }
    if samples != set.count { return "\(samples) predictions for \(set.count) samples" }
    if let mae = metrics.mae, abs(mae - errors / Double(known)) > 1e-5 * max(1, mae) {
      return "mae \(mae), \(errors / Double(known)) by the predictions"
    }
    if !data.shape.target.isValues, let accuracy = metrics.accuracy,
      abs(accuracy - Double(right) / Double(counted)) > 1e-9
    {
      return "accuracy \(accuracy), \(right) of \(counted) by the predictions"
    }
    return nil
  }

  private func translate(_ checkpoint: CheckpointedModel, _ data: LoadedData, _ model: Model) throws
    -> String?
  {
    guard let pairs = data.train?.pairs else { return "the data are no pairs" }
    var samples = 0
    try evaluator(checkpoint, data, model).translate(pairs) { sample, found in
      if sample == samples, found.count < 2 * pairs.source(of: sample).count + 11 { samples += 1 }
    }
    return samples == pairs.count ? nil : "\(samples) translations for \(pairs.count) pairs"
  }

  /// One seed gives one text.
  private func generate(_ checkpoint: CheckpointedModel, _ model: Model) throws -> String? {
    guard let vocabulary = checkpoint.vocabulary else { return "there is no vocabulary" }
    var choice = TextGenerator.Sampling()
    choice.seed = UInt64(combination.number)
    let texts = try (0..<2).map { _ in
      let generator = try TextGenerator(model, vocabulary, prompt: "the", choice)
      return (0..<20).map { _ in generator.next() }
    }
    return texts[0] == texts[1] && texts[0].contains { !$0.isEmpty } ? nil : "a seed gives different texts"
  }

  /// A network of ONNX, or two of pairs, that hold each parameter at least once.
  private func exportONNX(_ checkpoint: CheckpointedModel) throws -> String? {
    let path = "\(folder)/model.onnx"
    try checkpoint.exportONNX(to: path)
    let bytes = try checkpoint.onnxPaths(path, option: "ONNX")
      .reduce(0) { try $0 + Data(contentsOf: URL(fileURLWithPath: $1)).count }
    let parameters = checkpoint.file.modelTensors.reduce(0) { $0 + $1.values.count }
    return bytes > 4 * parameters ? nil : "\(bytes) bytes for \(parameters) parameters"
  }

  /// The file for other programs holds the bytes of the parameters, or of their averages.
  private func export(_ checkpoint: CheckpointedModel, _ report: TrainingReport) throws -> String? {
    let path = "\(folder)/model.safetensors"
    try checkpoint.file.exportModel(to: path)
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    if plant == .export { bytes[bytes.count - 1] ^= 1 }
    let averages = checkpoint.file.tensors.filter { $0.name.hasPrefix("average.") }
    let values = (averages.isEmpty ? checkpoint.file.modelTensors : averages).flatMap(\.values)
    guard values.count == report.parameters else {
      return "\(values.count) of \(report.parameters) parameters"
    }
    let isSame = values.withUnsafeBytes { bytes.suffix($0.count).elementsEqual($0) }
    return isSame ? nil : "the exported bytes are not the parameters"
  }
}

extension Loss {
  /// Whether a sample of this class counts.
  fileprivate func counts(_ number: Int32) -> Bool {
    if case .crossEntropy(let ignored, _, _) = self { number != ignored } else { true }
  }

  fileprivate var countsAll: Bool { counts(1) }
}

extension TargetKind {
  fileprivate var isValues: Bool { if case .values = self { true } else { false } }
}
