import Collective
import Dataset
import Diagnostics

extension Trainer {
  func train() throws -> TrainingReport {
    try recorder?.started(self)
    meter.start()
    var status = TrainingReport.Status.completed
    var isFresh = false
    while state.epoch < recipe.train.epochs {
      if try runEpoch() == .stopped {
        status = .interrupted
        break
      }
      isFresh = try endEpoch()
      if state.stopping?.shouldStop == true {
        status = .earlyStopped
        break
      }
    }
    return try finish(status, isSaved: isFresh)
  }

  enum EpochResult { case finished, stopped }

  /// All batches of the epoch that are left.
  private func runEpoch() throws -> EpochResult {
    order.write(epoch: state.epoch, into: samples)
    meter.startEpoch()
    let rate = state.schedule.rate(epoch: state.epoch)
    while state.position < set.count {
      faults.map { inject($0) }
      let batch = state.position..<min(state.position + recipe.train.batchSize, set.count)
      let outcome = try step.run(
        UnsafeBufferPointer(rebasing: samples[batch]), step: state.step,
        learningRate: rate * state.schedule.warmup(step: optimizer.steps), stop: wantsStop)
      state.position = batch.upperBound
      state.step += 1
      state.monitored = nil
      try checkReplicas()
      try account(outcome, batch)
      times.add(nanoseconds: meter.stepEnded(samples: batch.count))
      try recorder?.stepEnded(self, outcome)
      let isLast = state.position == set.count && state.epoch + 1 == recipe.train.epochs
      if outcome.stop, !isLast { return .stopped }
    }
    return .finished
  }

  private func checkReplicas() throws {
    do { try replicas.stepEnded(state.step, model.parameters) } catch {
      failsOnAllRanks = (error as? Failure)?.kind == .internalError
      throw error
    }
  }

  private func inject(_ faults: (Int, UnsafeMutableBufferPointer<Float>) -> Void) {
    faults(state.step, model.parameters)
    model.parametersChanged()
  }

  private func account(_ outcome: TrainingStep.Outcome, _ batch: Range<Int>) throws {
    switch outcome.result {
    case .updated:
      state.sums.loss += outcome.lossSum
      state.sums.weight += outcome.weight
      state.sums.right += outcome.right
      state.sums.counted += outcome.counted
      state.counters.badInARow = 0
    case .weightless:
      state.counters.skipped += 1
      try recorder?.skipped(state.step, samples[batch], "no sample of the batch counts")
    case .notFinite:
      state.counters.skipped += 1
      state.counters.badInARow += 1
      try recorder?.skipped(state.step, samples[batch], "the loss or gradient is not finite")
      if state.counters.badInARow >= recipe.train.maxBadSteps {
        failsOnAllRanks = true
        try? recorder?.dump(BadStepDump(self, samples: samples[batch]))
        throw Failure.badData(
          "\(state.counters.badInARow) steps in a row had a loss or gradient that is not finite (the last was step \(state.step)); lower optimizer.lr, set train.clip_norm, or look at the samples named in metrics.jsonl and at \(BadStepDump.fileName)"
        )
      }
    }
  }

  /// Evaluates, decides and saves.
  /// - Returns: whether the present state was handed to be saved.
  private func endEpoch() throws -> Bool {
    let loss = state.sums.meanLoss
    let rate = state.schedule.rate(epoch: state.epoch)
    state.epochLosses.append(loss)
    state.counters.trainAccuracy = state.sums.accuracy
    state.epoch += 1
    state.position = 0
    let isDue = state.epoch % recipe.train.evalEveryEpochs == 0 || state.epoch == recipe.train.epochs
    enter(.evaluation)
    let validation = try isDue ? data.validation.map { try evaluator.evaluate($0) } : nil
    let values = EpochValues(loss: loss, accuracy: state.counters.trainAccuracy, validation: validation)
    if let metric = state.schedule.metric, let value = values[metric] {
      state.schedule.epochEnded(value: value)
    }
    if let metric = state.stopping?.specification.metric, let value = values[metric] {
      state.stopping?.evaluated(value)
    }
    let improved = monitor(values)
    state.sums = RunState.Sums()
    let isSaved = try recorder?.epochEnded(self, values, learningRate: rate, improved: improved) ?? false
    meter.resume()
    return isSaved
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
