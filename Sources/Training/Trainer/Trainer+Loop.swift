import Collective
import Dataset
import Diagnostics

extension Trainer {
  func train() throws -> TrainingReport {
    try recorder?.started(self)
    try noteEngine()
    meter.start()
    step.meet()
    return try finish(trainEpochs())
  }

  /// All epochs that are left; of a run that has ended there are none.
  /// - Returns: how it ended.
  func trainEpochs() throws -> TrainingReport.Status {
    while !hasEnded {
      if try runEpoch() == .stopped { return .interrupted }
      try endEpoch()
    }
    guard state.step == 0 || optimizer.steps > 0 else {
      failsOnAllRanks = true
      throw Failure.badData(
        "no step was taken: \(state.counters.bad); \(state.counters.bad.advice), or look at the samples named in metrics.jsonl"
      )
    }
    return state.stopping?.shouldStop == true ? .earlyStopped : .completed
  }

  /// Whether there is nothing left to train.
  var hasEnded: Bool { state.epoch >= recipe.train.epochs || state.stopping?.shouldStop == true }

  enum EpochResult { case finished, stopped }

  /// All batches of the epoch that are left.
  private func runEpoch() throws -> EpochResult {
    order.write(epoch: state.epoch, into: samples)
    if state.position == 0 { try resetStreams() }
    meter.startEpoch()
    rankTimes.reset()
    let rate = state.schedule.rate(epoch: state.epoch)
    lookAhead(rate)
    while state.position < set.count {
      faults.map { inject($0) }
      let batch = state.position..<min(state.position + recipe.train.batchSize, set.count)
      let next = batch.upperBound..<min(batch.upperBound + recipe.train.batchSize, set.count)
      state.counters.learningRate = rate * state.schedule.warmup(step: optimizer.steps)
      let outcome = try step.run(
        UnsafeBufferPointer(rebasing: samples[batch]),
        following: next.isEmpty ? nil : UnsafeBufferPointer(rebasing: samples[next]), step: state.step,
        learningRate: state.counters.learningRate!,
        stop: wantsStop || workerLog?.stopWanted() == true, save: log?.wantsSave(meter) == true)
      state.position = batch.upperBound
      state.step += 1
      state.monitored = nil
      try checkReplicas()
      try account(outcome, batch)
      let nanoseconds = meter.stepEnded(samples: batch.count)
      times.add(nanoseconds: step.device?.stepNanoseconds ?? nanoseconds)
      rankTimes.add(step)
      if let choice = step.choice { try log?.chosen(choice, step: state.step) }
      try log?.stepEnded(self, outcome)
      if outcome.save { try save() }
      let isLast = state.position == set.count && state.epoch + 1 == recipe.train.epochs
      if outcome.stop, !isLast { return .stopped }
    }
    return .finished
  }

  private func checkReplicas() throws {
    if replicas.isDue(state.step) { try step.device?.fetch() }
    do { try replicas.stepEnded(state.step, model.parameters) } catch {
      failsOnAllRanks = (error as? Failure)?.kind == .internalError
      throw error
    }
  }

  private func inject(_ faults: (Int, UnsafeMutableBufferPointer<Float>) -> Void) {
    faults(state.step, model.parameters)
    model.parametersChanged()
  }

  private func account(_ outcome: StepOutcome, _ batch: Range<Int>) throws {
    switch outcome.result {
    case .updated:
      state.sums.loss += outcome.lossSum
      state.sums.weight += outcome.weight
      state.sums.right += outcome.right
      state.sums.counted += outcome.counted
      state.counters.bad = SkippedSteps()
    case .weightless, .notFinite:
      let cause: SkippedSteps.Cause = outcome.result == .notFinite ? .notFinite : .weightless
      state.counters.skipped += 1
      state.counters.bad.add(cause)
      try noteSkipped(batch, cause)
      if state.counters.bad.count >= recipe.train.maxBadSteps { throw tooManyBadSteps(batch) }
    }
  }

  private func tooManyBadSteps(_ batch: Range<Int>) -> Failure {
    failsOnAllRanks = true
    try? recorder?.dump(BadStepDump(self, samples: samples[batch]))
    let bad = state.counters.bad
    return .badData(
      "\(bad.count) steps in a row were not taken: \(bad) (the last was step \(state.step)); \(bad.advice), or look at the samples named in metrics.jsonl and at \(BadStepDump.fileName)"
    )
  }

  /// Saves the present state. All ranks that train call it.
  private func save() throws {
    try gather()
    try log?.save(self)
    meter.resume()
  }

  /// Brings what ranks hold in parts to the one that saves it, or sends it to be saved.
  func gather() throws {
    try gatherStates()
    try optimizerState.gather()
  }

  private func noteSkipped(_ batch: Range<Int>, _ cause: SkippedSteps.Cause) throws {
    try log?.tell(
      MetricsLine.skipped(state.step, samples[batch], cause.reason),
      note: "step \(state.step) skipped: \(cause.reason)")
  }

  /// Evaluates, decides and saves. Workers of a dedicated coordinator leave that to it.
  func endEpoch() throws {
    if roles.isWorker { try gather() }
    try workerLog?.send(.epoch, self)
    let loss = state.sums.meanLoss
    state.epochLosses.append(loss)
    state.counters.trainAccuracy = state.sums.accuracy
    state.epoch += 1
    state.position = 0
    let isDue = state.epoch % recipe.train.evalEveryEpochs == 0
    let isEvaluated = isDue || state.epoch == recipe.train.epochs
    enter(.evaluation)
    let validation =
      try isEvaluated && !roles.isWorker
      ? data.validation.map { part in try tracing(.evaluation) { try evaluate(part, with: evaluator) } } : nil
    if validation != nil { step.meet() }
    let values = EpochValues(loss: loss, accuracy: state.counters.trainAccuracy, validation: validation)
    try decide(values, isDue: isDue)
    let improved = monitor(values)
    state.sums = RunState.Sums()
    if !roles.isWorker, improved || recipe.checkpoint.isDue(state.epoch) { try gather() }
    try recorder?.epochEnded(self, values, improved: improved)
    meter.resume()
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

extension Trainer {
  /// Notes how long something takes, where a trace was asked for.
  func tracing<Result>(_ activity: Trace.Activity, _ body: () throws -> Result) rethrows -> Result {
    guard let trace else { return try body() }
    let begin = monotonicNanoseconds()
    defer { trace.add(activity, step: state.step, from: begin) }
    return try body()
  }

  /// Of several ranks.
  var slowest: SlowestRank? {
    rankTimes.slowest(firstRank: recipe.distributed.coordinator == .dedicated ? 1 : 0, hosts: hosts)
  }

  /// Where the run is, for people.
  var progress: TrainingProgress {
    let left = (recipe.train.epochs - state.epoch) * set.count - state.position
    return TrainingProgress(
      epoch: state.epoch, epochs: recipe.train.epochs,
      step: (state.position + recipe.train.batchSize - 1) / recipe.train.batchSize,
      steps: (set.count + recipe.train.batchSize - 1) / recipe.train.batchSize,
      loss: state.sums.meanLoss, samplesPerSecond: meter.epochSamplesPerSecond,
      timeLeft: meter.timeLeft(left))
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
