import Collective
import Dataset
import Diagnostics

/// Epochs and steps.
extension Trainer {
  func train() throws -> TrainingReport {
    try recorder?.started(start, remarks: remarks)
    try emitEngine()
    clocks.meter.start()
    replica.step.meet()
    return try finish(trainEpochs())
  }

  /// All epochs that are left; of a run that has ended there are none.
  /// - Returns: how it ended.
  func trainEpochs() throws -> TrainingReport.Status {
    while !hasEnded {
      if try runEpoch() == .stopped { return .interrupted }
      try endEpoch()
    }
    guard state.step == 0 || replica.steps > 0 else {
      failsOnAllRanks = true
      throw Failure.badData(
        "no step was taken: \(state.counters.bad); \(state.counters.bad.advice), or look at the samples named in metrics.jsonl"
      )
    }
    return state.stopping?.shouldStop == true ? .earlyStopped : .completed
  }

  /// Whether there is nothing left to train.
  var hasEnded: Bool { state.epoch >= recipe.train.epochs || state.stopping?.shouldStop == true }

  private enum EpochResult { case finished, stopped }

  /// All batches of the epoch that are left.
  private func runEpoch() throws -> EpochResult {
    samples.draw(epoch: state.epoch)
    replica.step.beginEpoch(state.epoch)
    if state.position == 0 { try replica.resetStreams() }
    clocks.startEpoch()
    let rate = state.schedule.rate(epoch: state.epoch)
    lookAhead(rate)
    while state.position < set.count {
      faults.map { inject($0) }
      let batch = state.position..<min(state.position + recipe.train.batchSize, set.count)
      let outcome = try runStep(batch, rate: rate)
      try stepEnded(outcome, batch)
      if outcome.save { try save() }
      let isLast = state.position == set.count && state.epoch + 1 == recipe.train.epochs
      if outcome.stop, !isLast { return .stopped }
    }
    return .finished
  }

  /// - batch: places in the epoch's order.
  /// - rate: of the epoch.
  private func runStep(_ batch: Range<Int>, rate: Double) throws -> StepOutcome {
    let next = batch.upperBound..<min(batch.upperBound + recipe.train.batchSize, set.count)
    readAhead(batch)
    let learningRate = rate * state.schedule.warmup(step: replica.optimizer.steps)
    state.counters.learningRate = learningRate
    return try replica.step.run(
      samples.batch(batch)!, following: samples.batch(next), step: state.step, learningRate: learningRate,
      round: roundPlace(of: batch), stop: wantsStop || coordinatorWantsStop(),
      save: log?.wantsSave(clocks.meter) == true)
  }

  /// Has this rank's part of the batches read that come after this one, where samples stay in their files.
  private func readAhead(_ batch: Range<Int>) {
    guard let reach = set.samplesAhead else { return }
    samples.forEachComing(after: batch, size: recipe.train.batchSize, reach: reach) { coming in
      let own = replica.step.ownRows(of: coming.count)
      if !own.isEmpty { set.readAhead(Array(coming[own])) }
    }
  }

  /// Where this batch stands in a round: where each rank takes steps by itself, an epoch's end ends a round too.
  private func roundPlace(of batch: Range<Int>) -> RoundPlace {
    guard let every = recipe.distributed.syncEvery else { return RoundPlace() }
    let (index, count) = (batch.lowerBound / recipe.train.batchSize, recipe.train.steps(of: set.count))
    let end = min((index / every + 1) * every, count)
    return RoundPlace(stepsLeft: end - 1 - index, endsEpoch: end == count)
  }

  /// Whether a dedicated coordinator was asked to stop; while a sum travels nobody asks it, and its answer waits.
  private func coordinatorWantsStop() throws -> Bool {
    if try !replica.step.isSumming && workerLog?.stopWanted() == true { coordinatorStops = true }
    return coordinatorStops
  }

  /// Counts the step and tells of it.
  private func stepEnded(_ outcome: StepOutcome, _ batch: Range<Int>) throws {
    state.position = batch.upperBound
    state.step += 1
    state.monitored = nil
    if !outcome.isPending { try checkReplicas(outcome.steps) }
    try account(outcome, batch)
    clocks.stepEnded(replica.step, samples: batch.count)
    noteGradients(outcome)
    guard let log, !outcome.isPending else { return }
    if let choice = replica.step.choice { try log.emit(.reduction(choice, step: state.step)) }
    try log.emit(.step(event(outcome)))
    if log.wantsProgress(at: clocks.meter.now) { try log.show(standing) }
  }

  private func event(_ outcome: StepOutcome) -> StepEvent {
    let (step, workers) = (replica.step, roles.workers)
    return StepEvent(
      epoch: state.epoch, step: state.step, loss: outcome.lossSum / outcome.weight,
      learningRate: state.counters.learningRate, gradientNorm: outcome.gradientNorm,
      seconds: workers.size == 1
        ? nil
        : .init(
          compute: step.computeSeconds[workers.rank], wait: step.wait, communication: step.communication))
  }

  /// - steps: taken since ranks last met.
  private func checkReplicas(_ steps: Int) throws {
    if replicas.isDue(state.step, steps: steps) { try replica.fetch() }
    do { try replicas.stepEnded(state.step, steps: steps, replica.model.parameters) } catch {
      failsOnAllRanks = (error as? Failure)?.kind == .internalError
      throw error
    }
  }

  private func inject(_ faults: (Int, UnsafeMutableBufferPointer<Float>) -> Void) {
    faults(state.step, replica.model.parameters)
    replica.model.parametersChanged()
  }

  private func account(_ outcome: StepOutcome, _ batch: Range<Int>) throws {
    switch outcome.result {
    case .updated:
      state.sums.loss += outcome.lossSum
      state.sums.weight += outcome.weight
      state.sums.right += outcome.right
      state.sums.counted += outcome.counted
      if outcome.isPending { return }
      state.counters.bad = SkippedSteps()
      try noteSkipped(outcome.skipped)
    case .weightless: try skipped(batch, .weightless, outcome.steps)
    case .notFinite: try skipped(batch, .notFinite, outcome.steps)
    }
  }

  /// Tells of steps that single ranks did not take in a round: whose samples they were, nobody else knows.
  private func noteSkipped(_ skipped: SkippedSteps) throws {
    state.counters.skipped += skipped.count
    for (cause, count) in [
      (SkippedSteps.Cause.notFinite, skipped.notFinite), (.weightless, skipped.weightless),
    ]
    where count > 0 {
      try log?.emit(.skipped(SkippedEvent(step: state.step, cause: cause, samples: [])))
    }
  }

  /// - batch: the last one. steps: how many were not taken.
  private func skipped(_ batch: Range<Int>, _ cause: SkippedSteps.Cause, _ steps: Int) throws {
    let numbers = Array(samples.all[batch])
    state.counters.skipped += steps
    state.counters.bad.add(cause, steps)
    try log?.emit(.skipped(SkippedEvent(step: state.step, cause: cause, samples: numbers)))
    let bad = state.counters.bad
    guard bad.count >= recipe.train.maxBadSteps else { return }
    failsOnAllRanks = true
    try? recorder?.dump(BadStepDump(state, replica.model, samples: numbers))
    throw Failure.badData(
      "\(bad.count) steps in a row were not taken: \(bad) (the last was step \(state.step)); \(bad.advice), or look at the samples named in metrics.jsonl and at \(BadStepDump.fileName)"
    )
  }

  /// Saves the present state. All ranks that train call it.
  private func save() throws {
    try gather()
    try log.map { try save(to: $0) }
    clocks.meter.resume()
  }

  /// Brings what ranks have of the state to where it is saved. All ranks that train call it.
  func gather() throws {
    try replica.gather(carriesStates: carriesStates)
    if !roles.isCoordinator { state.ranks = try replica.updates() }
  }

  /// Has the present state written down, or sent to where it is.
  func save(to log: any TrainingLog) throws {
    try replica.fetch()
    enter(.checkpoint)
    try tracing(.checkpoint) { try log.save(standing, replica.tensors(carriesStates: carriesStates)) }
    try draw()
  }
}
