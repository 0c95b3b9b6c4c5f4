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
      try measure(&report)
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

  /// The validation and test parts, with the best parameters where the run has chosen some.
  private func measure(_ report: inout TrainingReport) throws {
    (report.evaluatedStep, report.evaluatedEpoch) = (state.step, state.epoch)
    guard let best = try bestPlace() else {
      report.validation = try data.validation.map { try evaluate($0, with: finalEvaluator) }
      report.test = try data.test.map { try evaluate($0, with: finalEvaluator) }
      return
    }
    let last = Array(model.parameters)
    defer { setParameters { _ = $0.update(fromContentsOf: last) } }
    try communicator.broadcast(UnsafeMutableRawBufferPointer(model.parameters), from: 0)
    setParameters { _ in }
    (report.evaluatedStep, report.evaluatedEpoch) = (best.step, best.epoch)
    report.validation = try data.validation.map { try finalEvaluator.evaluate($0) }
    report.test = try data.test.map { try finalEvaluator.evaluate($0) }
  }

  /// Where the best parameters come from, if those are not the last ones. On rank 0 the model has them then.
  private func bestPlace() throws -> (step: Int, epoch: Int)? {
    var place = [Int64(-1), -1]
    try communicator.together {
      guard let file = try recorder?.best(), file.state.step != state.step else { return }
      let prefix = average == nil ? "" : CheckpointFile.averagePrefix
      for entry in model.layout.entries {
        try file.tensor(prefix + entry.name, shape: entry.shape)
          .copy(to: UnsafeMutableBufferPointer(rebasing: model.parameters[entry.range]))
      }
      place = [Int64(file.state.step), Int64(file.state.epoch)]
    }
    try place.withUnsafeMutableBytes { try communicator.broadcast($0, from: 0) }
    return place[0] < 0 ? nil : (Int(place[0]), Int(place[1]))
  }

  private func setParameters(_ change: (UnsafeMutableBufferPointer<Float>) -> Void) {
    change(model.parameters)
    model.parametersChanged()
    step.device?.copyChanged()
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
      epochLosses: state.epochLosses, initFrom: state.weights, seconds: 0,
      samplesPerSecond: meter.samplesPerSecond,
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
