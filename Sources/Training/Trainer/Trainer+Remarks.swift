extension Trainer {
  /// What a person should know before the first step.
  var remarks: [String] { [endRemark, warmupRemark].compactMap { $0 } }

  private var endRemark: String? {
    guard state.step > 0, hasEnded else { return nil }
    if state.stopping?.shouldStop == true {
      return
        "this run is finished: it stopped early after \(state.epoch) epochs, with no more improvement; nothing is left to train"
    }
    return
      "this run is finished: \(state.epoch) epochs are done, and train.epochs is \(recipe.train.epochs); nothing is left to train"
  }

  private var warmupRemark: String? {
    let perEpoch = (set.count + recipe.train.batchSize - 1) / recipe.train.batchSize
    let (steps, overflows) = perEpoch.multipliedReportingOverflow(by: recipe.train.epochs)
    let warmup = recipe.schedule.warmupSteps
    guard !overflows, warmup > steps, !hasEnded else { return nil }
    let share = Schedule(recipe.schedule, baseRate: 1, epochs: recipe.train.epochs).warmup(step: steps - 1)
    return
      "the warm-up of \(warmup) steps is longer than the run of \(steps): the learning rate reaches \(Float(100 * share)) % of the schedule's"
  }
}
