import Collective
import Dataset

/// What is known before the first step.
extension Trainer {
  var start: TrainingStart {
    let store = recorder?.store
    let resumedFrom = store?.resumedFrom?.path
    return TrainingStart(
      outputDirectory: store?.directory?.path ?? store?.path ?? "", parameters: replica.model.layout.count,
      ranks: communicator.size, hosts: machines, threads: replica.model.team.count,
      device: replica.deviceName, epochs: recipe.train.epochs,
      stepsPerEpoch: recipe.train.steps(of: set.count),
      trainSamples: set.count, validationSamples: data.validation?.count ?? 0,
      testSamples: data.test?.count ?? 0, unusedSamples: data.unused, targetUnit: data.targetUnit,
      resumedFrom: resumedFrom, weights: resumedFrom == nil ? state.weights : nil, firstEpoch: state.epoch)
  }

  /// What a person should know of it.
  var remarks: [String] {
    [bestRemark, endRemark, warmupRemark, roundsRemark, idleRemark].compactMap { $0 }
  }

  private var bestRemark: String? {
    guard recipe.checkpoint.metric.part == .validation, data.validation == nil,
      recipe.checkpoint.keepBest > 0
    else { return nil }
    return
      "there is no validation part: `best` is the checkpoint with the least train.loss, and commands take the newest"
  }

  private var endRemark: String? {
    guard recorder?.store.resumedFrom != nil, hasEnded else { return nil }
    if state.stopping?.shouldStop == true {
      return
        "this run is finished: it stopped early after \(state.epoch) epochs, with no more improvement; nothing is left to train"
    }
    return
      "this run is finished: \(state.epoch) epochs are done, and train.epochs is \(recipe.train.epochs); nothing is left to train"
  }

  private var roundsRemark: String? {
    guard let every = recipe.distributed.syncEvery else { return nil }
    let delay = recipe.distributed.syncDelay
    return
      "\(roles.trainers) ranks take \(every) steps each by itself, then one along the mean of their ways: losses, saves and stops come with it, and an epoch ends with one"
      + (delay > 0 ? "; sums travel beside a round's last \(delay)" : "")
  }

  /// Ranks that have no sample of any batch.
  private var idleRemark: String? {
    let workers = recipe.distributed.coordinator == .dedicated ? communicator.size - 1 : communicator.size
    let batch = min(recipe.train.batchSize, set.count)
    let parts = recipe.distributed.reduction == .strict ? recipe.distributed.lanes : workers
    let idle = (0..<workers).count { rank in
      equalPart(rank, of: parts, among: workers).allSatisfy { equalPart($0, of: batch, among: parts).isEmpty }
    }
    guard workers > 1, idle > 0, !hasEnded else { return nil }
    let cause = parts < min(batch, workers) ? "distributed.lanes is \(parts)" : "a batch has \(batch) samples"
    return
      "\(idle) of \(workers) ranks that train have no sample of any batch: \(cause); start fewer, or make it larger"
  }

  private var warmupRemark: String? {
    let perEpoch = recipe.train.steps(of: set.count)
    let (steps, overflows) = perEpoch.multipliedReportingOverflow(by: recipe.train.epochs)
    let warmup = state.schedule.warmupSteps
    guard !overflows, warmup > steps, !hasEnded else { return nil }
    let share = state.schedule.warmup(step: steps - 1)
    return
      "the warm-up of \(warmup) steps is longer than the run of \(steps): the learning rate reaches \(Float(100 * share)) % of the schedule's"
  }
}

extension LoadedData {
  /// How much one unit of a target, as it is scaled, is in the units of the file; nil where targets or series differ in it.
  fileprivate var targetUnit: Double? {
    guard let scaler, !scaler.targets.isEmpty else { return 1 }
    let units = Set(scaler.targets.indices.map { scaler.targetUnit($0) })
    return scaler.series == nil && units.count == 1 ? units.first : nil
  }
}
