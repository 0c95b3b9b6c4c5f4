import Diagnostics

extension Trainer {
  /// Saves the last state, evaluates it and reports.
  func finish(_ status: TrainingReport.Status) throws -> TrainingReport {
    try step.device?.fetch()
    // Only rank 0 knows whether it is saved, but all have a part of it.
    if !roles.isWorker { try gather() }
    try recorder?.saveLast(self)
    var report = report(status)
    if status != .interrupted {
      enter(.evaluation)
      report.validation = try data.validation.map { try evaluate($0, with: finalEvaluator) }
      report.test = try data.test.map { try evaluate($0, with: finalEvaluator) }
    }
    report.seconds = meter.seconds
    enter(.checkpoint)
    try trace?.write()
    try recorder?.finish(self, &report)
    let paths = try communicator.broadcastBytes([UInt8]("\(report.checkpoint)\n\(report.runDirectory)".utf8))
    let lines = String(decoding: paths, as: UTF8.self).split(separator: "\n").map(String.init)
    if lines.count == 2 { (report.checkpoint, report.runDirectory) = (lines[0], lines[1]) }
    return report
  }

  /// All ranks share it, a dedicated coordinator too.
  private var finalEvaluator: Evaluator {
    let final = Evaluator(
      model: model, loss: recipe.loss, scaler: data.scaler, communicator: communicator, beam: evaluator.beam)
    final.device = step.device
    return final
  }

  private func report(_ status: TrainingReport.Status) -> TrainingReport {
    TrainingReport(
      status: status, recipe: recipe.name, parameters: model.layout.count, ranks: communicator.size,
      hosts: machines, threads: model.team.count, device: deviceName,
      epochs: state.epoch, steps: state.step, skippedSteps: state.counters.skipped,
      trainLoss: state.epochLosses.last, trainAccuracy: state.counters.trainAccuracy,
      epochLosses: state.epochLosses, seconds: 0, samplesPerSecond: meter.samplesPerSecond,
      stepMilliseconds: workersStepTime
        ?? .init(
          median: times.milliseconds(quantile: 0.5), p95: times.milliseconds(quantile: 0.95)),
      runDirectory: "", checkpoint: "",
      parametersSHA256: parametersSHA256(UnsafeBufferPointer(model.parameters)))
  }

  /// Everything that is one number for each parameter, with what a checkpoint puts before the parameters' names.
  var buffers: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] {
    [("", model.parameters)] + optimizerState.whole.map { ("optimizer.\($0.name).", $0.values) }
      + (average.map { [(CheckpointFile.averagePrefix, $0.values)] } ?? [])
  }

  /// These buffers under the names a checkpoint gives them.
  var tensors: [NamedTensor] {
    carriedTensors
      + buffers.flatMap { prefix, values in
        model.layout.entries.map { entry in
          NamedTensor(
            name: prefix + entry.name, shape: entry.shape,
            values: UnsafeBufferPointer(rebasing: values[entry.range]))
        }
      }
  }
}
