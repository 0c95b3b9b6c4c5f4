import Collective
import Diagnostics

/// `distributed.coordinator: dedicated`: rank 0 evaluates, decides, and saves what the workers send, while they go on.
extension Trainer {
  /// Rank 0's run: the workers' messages, to the last one.
  func coordinate(_ link: CoordinatorLink) throws -> TrainingReport {
    try recorder?.started(start, remarks: remarks)
    clocks.meter.start()
    while true {
      enter(.checkpoint)
      let message = try link.receive { if wantsStop { try link.sendStop(true) } }
      try adopt(message)
      switch message.kind {
      case .progress: try message.progress.map { try recorder?.show($0) }
      case .save: try recorder.map { try save(to: $0) }
      case .epoch: try endEpoch()
      case .failed:
        failsOnAllRanks = true
        throw Failure(message.failure!)
      case .end:
        try link.sendStop(false)
        clocks.workersSteps = message.stepTime
        return try finish(message.status!)
      }
    }
  }

  private func adopt(_ message: WorkerMessage) throws {
    for line in message.lines { try recorder?.append(line) }
    for note in message.notes { recorder?.note(note) }
    clocks.meter.adopt(message.speed)
    clocks.ranks = message.times
    guard message.kind != .progress else { return }
    if message.position.step != state.step { state.monitored = nil }
    state.adopt(message.position)
    replica.optimizer.restore(steps: message.position.updates)
    replica.model.parametersChanged()
  }

  /// What an epoch's values mean for the rest of the run: the coordinator decides where the validation part is asked.
  ///
  /// The last epoch is evaluated whether or not that is due: a run that later gets more epochs must not have decided on it.
  func decide(_ values: EpochValues, isDue: Bool) throws {
    let isAsked = isDue && recipe.decidesOnValidation
    if roles.isWorker, isAsked {
      enter(.evaluation)
      let bytes = try communicator.broadcastBytes([])
      replica.step.meet()
      return state.adopt(try JSON.decoder().decode(EpochDecision.self, from: .init(bytes)))
    }
    var values = values
    if !isDue { values.validation = nil }
    state.decide(values)
    if roles.isCoordinator, isAsked {
      _ = try communicator.broadcastBytes([UInt8](JSON.encoder().encode(state.decision)))
    }
  }

  /// A worker's run: what all do, and at its end what the coordinator waits for.
  func work() throws -> TrainingReport {
    clocks.meter.start()
    do {
      replica.step.meet()
      let status = try trainEpochs()
      try gather()
      try workerLog?.send(.end, standing) { message in
        message.status = status
        message.stepTime = clocks.stepTime
      }
      try workerLog?.finish()
      return try finish(status)
    } catch let failure as Failure where failsOnAllRanks {
      try workerLog?.send(.failed, standing) {
        $0.failure = .init(code: failure.kind.rawValue, message: failure.message)
      }
      throw failure
    }
  }
}

extension RunState {
  mutating func decide(_ values: EpochValues) {
    if let metric = schedule.metric, let value = values[metric] { schedule.epochEnded(value: value) }
    if let metric = stopping?.specification.metric, let value = values[metric] { stopping?.evaluated(value) }
  }

  var decision: EpochDecision { .init(schedule: schedule.state, best: stopping?.best, wait: stopping?.wait) }

  mutating func adopt(_ decision: EpochDecision) {
    schedule.state = decision.schedule
    stopping?.best = decision.best
    stopping?.wait = decision.wait ?? 0
  }
}

extension Failure {
  fileprivate init(_ failed: WorkerMessage.Failed) {
    self.init(Kind(rawValue: failed.code) ?? .internalError, failed.message)
  }
}
