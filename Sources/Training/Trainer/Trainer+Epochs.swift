import Dataset

/// The end of an epoch: evaluated, decided on, kept.
extension Trainer {
  /// Workers of a dedicated coordinator leave evaluation and saving to it.
  func endEpoch() throws {
    if roles.isWorker { try gather() }
    try workerLog?.send(.epoch, standing)
    let loss = state.sums.meanLoss
    state.epochLosses.append(loss)
    state.counters.trainAccuracy = state.sums.accuracy
    state.epoch += 1
    state.position = 0
    let isDue = state.epoch % recipe.train.evalEveryEpochs == 0
    enter(.evaluation)
    let validation = isDue || state.epoch == recipe.train.epochs ? try evaluateValidation() : nil
    let values = EpochValues(loss: loss, accuracy: state.counters.trainAccuracy, validation: validation)
    try decide(values, isDue: isDue)
    let improved = monitor(values)
    state.sums = LossSums()
    if !roles.isWorker, improved || recipe.checkpoint.isDue(state.epoch) {
      try gather()
    }
    try recorder?.emit(.epoch(EpochEvent(summary: summary(values), times: clocks.ranks)))
    try writeHistograms()
    try keep(improved: improved)
    clocks.meter.resume()
  }

  private func evaluateValidation() throws -> EvaluationMetrics? {
    guard !roles.isWorker, let part = data.validation else { return nil }
    let metrics = try tracing(.evaluation) { try replica.withAverage { try evaluator.evaluate(part) } }
    replica.step.meet()
    return metrics
  }

  private func summary(_ values: EpochValues) -> EpochSummary {
    EpochSummary(
      epoch: state.epoch - 1, epochs: recipe.train.epochs, step: state.step, trainLoss: values.loss,
      trainAccuracy: values.accuracy, validation: values.validation,
      learningRate: state.counters.learningRate, seconds: clocks.meter.epochSeconds,
      samplesPerSecond: clocks.meter.epochSamplesPerSecond, skippedSteps: state.counters.skipped,
      slowest: slowest)
  }

  private func keep(improved: Bool) throws {
    guard let recorder, let keeping = recorder.store.keeping(afterEpoch: state.epoch, improved: improved)
    else { return }
    try replica.fetch()
    enter(.checkpoint)
    try tracing(.checkpoint) {
      try recorder.keep(keeping, standing, replica.tensors(carriesStates: carriesStates))
    }
    if keeping != .hold { try draw() }
  }

  /// Takes note of the value that decides which checkpoint is best.
  private func monitor(_ values: EpochValues) -> Bool {
    var metric = recipe.checkpoint.metric
    if metric.part == .validation, data.validation == nil { metric = MetricName(.train, .loss) }
    guard let value = values[metric] else {
      state.monitored = nil
      return false
    }
    state.monitored = CheckpointState.Monitored(
      name: metric.description, value: value, higherIsBetter: metric.increases)
    guard metric.isImprovement(value, over: state.counters.best) else { return false }
    state.counters.best = value
    return metric.part == .validation
  }
}

/// What was measured at the end of an epoch.
struct EpochValues {
  var loss: Double
  var accuracy: Double?
  var validation: EvaluationMetrics?

  subscript(metric: MetricName) -> Double? {
    switch (metric.part, metric.quantity) {
    case (.train, .loss): loss
    case (.train, .accuracy): accuracy
    case (.train, _): nil
    case (.validation, let quantity): validation?[quantity]
    }
  }
}
