import Diagnostics

extension Trainer {
  /// Saves the last state, evaluates it and reports.
  func finish(_ status: TrainingReport.Status) throws -> TrainingReport {
    try replica.fetch()
    // Only rank 0 knows whether it is saved, but all have a part of it.
    if !roles.isWorker { try gather() }
    if let recorder, !recorder.store.hasSaved(state) { try save(to: recorder) }
    try draw(isLast: true)
    var report = report(status)
    if status != .interrupted {
      enter(.evaluation)
      try measure(&report)
    }
    report.seconds = clocks.meter.seconds
    enter(.checkpoint)
    try trace?.write()
    try recorder?.finish(state.place, &report)
    let paths = try communicator.broadcastBytes([UInt8]("\(report.checkpoint)\n\(report.runDirectory)".utf8))
    let lines = String(decoding: paths, as: UTF8.self).split(separator: "\n").map(String.init)
    if lines.count == 2 { (report.checkpoint, report.runDirectory) = (lines[0], lines[1]) }
    return report
  }

  /// The validation and test parts, with the best parameters where the run has chosen some.
  private func measure(_ report: inout TrainingReport) throws {
    let evaluator = finalEvaluator
    (report.evaluatedStep, report.evaluatedEpoch) = (state.step, state.epoch)
    guard let best = try bestPlace() else {
      report.validation = try data.validation.map { part in
        try replica.withAverage { try evaluator.evaluate(part) }
      }
      report.test = try data.test.map { part in try replica.withAverage { try evaluator.evaluate(part) } }
      return
    }
    let last = Array(replica.model.parameters)
    defer { replica.setParameters { _ = $0.update(fromContentsOf: last) } }
    try communicator.broadcast(UnsafeMutableRawBufferPointer(replica.model.parameters), from: 0)
    replica.setParameters { _ in }
    (report.evaluatedStep, report.evaluatedEpoch) = (best.step, best.epoch)
    report.validation = try data.validation.map { try evaluator.evaluate($0) }
    report.test = try data.test.map { try evaluator.evaluate($0) }
  }

  /// Where the best parameters come from, if those are not the last ones. On rank 0 the model has them then.
  private func bestPlace() throws -> (step: Int, epoch: Int)? {
    var place = [Int64(-1), -1]
    try communicator.together {
      guard let file = try recorder?.best(), file.state.step != state.step else { return }
      let prefix = replica.average == nil ? "" : CheckpointFile.averagePrefix
      for entry in replica.model.layout.entries {
        try file.tensor(prefix + entry.name, shape: entry.shape)
          .copy(to: UnsafeMutableBufferPointer(rebasing: replica.model.parameters[entry.range]))
      }
      place = [Int64(file.state.step), Int64(file.state.epoch)]
    }
    try place.withUnsafeMutableBytes { try communicator.broadcast($0, from: 0) }
    return place[0] < 0 ? nil : (Int(place[0]), Int(place[1]))
  }

  /// All ranks share it, a dedicated coordinator too.
  private var finalEvaluator: Evaluator {
    let final = Evaluator(
      model: replica.model, loss: recipe.loss, scaler: data.scaler, communicator: communicator,
      beam: evaluator.beam)
    final.device = evaluator.device
    return final
  }

  private func report(_ status: TrainingReport.Status) -> TrainingReport {
    TrainingReport(
      status: status, recipe: recipe.name, parameters: replica.model.layout.count, ranks: communicator.size,
      hosts: machines, threads: replica.model.team.count, device: replica.deviceName,
      epochs: state.epoch, steps: state.step, skippedSteps: state.counters.skipped,
      trainLoss: state.epochLosses.last, trainAccuracy: state.counters.trainAccuracy,
      epochLosses: state.epochLosses, initFrom: state.weights, seconds: 0,
      samplesPerSecond: clocks.meter.samplesPerSecond, stepMilliseconds: clocks.stepTime,
      runDirectory: "", checkpoint: "",
      parametersSHA256: parametersSHA256(UnsafeBufferPointer(replica.model.parameters)))
  }
}
