import Diagnostics

/// Where a run stands, besides parameters and optimizer buffers: everything that must continue.
struct RunState {
  struct Counters: Codable, Equatable {
    var skipped = 0
    /// Since the last step that was taken.
    var bad = SkippedSteps()
    /// The best monitored value so far; it triggers saves.
    var best: Double?
    var trainAccuracy: Double?
    /// Of the last step, warm-up included; nil before the first.
    var learningRate: Double?
  }

  /// Epochs finished.
  var epoch = 0
  /// Batches done since the run began, skipped ones included.
  var step = 0
  /// Samples of the epoch's order that are used up.
  var position = 0
  /// Over the part of the epoch that is done, all ranks together.
  var sums = LossSums()
  var counters = Counters()
  var epochLosses: [Double] = []
  var schedule: Schedule
  var stopping: EarlyStopping?
  /// Measured for the present parameters, at the end of an epoch.
  var monitored: CheckpointState.Monitored?
  /// What ranks keep for themselves, when it was last brought together.
  var ranks: RankUpdates?
  /// Where the first parameters came from; nil for the seed's own start.
  var weights: WeightsReport?
  /// Seconds of training before this process.
  var earlierSeconds = 0.0

  /// - samples: of the training part.
  init(_ recipe: Recipe, samples: Int) {
    schedule = Schedule(
      recipe.schedule, baseRate: recipe.scaledLearningRate, epochs: recipe.train.epochs,
      stepsPerEpoch: recipe.train.steps(of: samples))
    stopping = recipe.earlyStopping.map { EarlyStopping($0) }
  }

  var place: CheckpointState.RunPosition { .init(epoch: epoch, step: step, position: position) }

  /// Writes itself into a checkpoint's state.
  func store(in state: inout CheckpointState) {
    state.epoch = epoch
    state.step = step
    state.position = position
    state.epochLosses = epochLosses
    state.schedule = JSONValue(encoding: schedule.state)
    if let stopping { state.earlyStopping = .init(best: stopping.best, wait: stopping.wait) }
    state.monitored = monitored
    state.extra["sums"] = JSONValue(encoding: sums)
    state.extra["counters"] = JSONValue(encoding: counters)
    if let ranks { state.extra["ranks"] = JSONValue(encoding: ranks) }
    if let weights { state.extra["init_from"] = JSONValue(encoding: weights) }
  }

  /// Continues from a checkpoint's state.
  mutating func restore(_ state: CheckpointState) throws {
    epoch = state.epoch
    step = state.step
    position = state.position
    epochLosses = state.epochLosses
    schedule.state = try state.schedule.decode(as: Schedule.State.self, in: "schedule")
    stopping?.best = state.earlyStopping.best
    stopping?.wait = state.earlyStopping.wait
    monitored = state.monitored
    sums = try (state.extra["sums"] ?? .null).decode(as: LossSums.self, in: "sums")
    counters = try (state.extra["counters"] ?? .null).decode(as: Counters.self, in: "counters")
    try CheckpointState.check([
      "counters.skipped": counters.skipped, "counters.bad.not_finite": counters.bad.notFinite,
      "counters.bad.weightless": counters.bad.weightless,
      "schedule.bad_epochs": schedule.state.badEpochs, "schedule.cooldown": schedule.state.cooldown,
    ])
    ranks = try state.extra["ranks"]?.decode(as: RankUpdates.self, in: "ranks")
    if let ranks {
      try CheckpointState.check(["ranks.rounds": ranks.rounds, "ranks.updates": ranks.updates.min() ?? -1])
    }
    weights = try state.extra["init_from"]?.decode(as: WeightsReport.self, in: "init_from")
    earlierSeconds = state.elapsedSeconds
  }
}

extension RunState.Counters {
  /// Checkpoints of earlier versions know neither causes nor rates.
  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    skipped = try values.decode(Int.self, forKey: .skipped)
    bad = try values.decodeIfPresent(SkippedSteps.self, forKey: .bad) ?? SkippedSteps()
    best = try values.decodeIfPresent(Double.self, forKey: .best)
    trainAccuracy = try values.decodeIfPresent(Double.self, forKey: .trainAccuracy)
    learningRate = try values.decodeIfPresent(Double.self, forKey: .learningRate)
  }
}
