import Diagnostics

/// What a run tells TensorBoard beside the lines of its log, where it tells it anything.
extension Trainer {
  /// Gradients are there as sums, which the optimizer divides; none of a device, of a coordinator that only writes, nor where each rank
  /// sums a slice of its own. Who limits each element has divided them before.
  func noteGradients(_ outcome: StepOutcome) {
    guard let events = recorder?.tensorboard else { return }
    let areHere =
      replica.step.device == nil && !roles.isCoordinator && !recipe.distributed.optimizerSharding
      && recipe.distributed.syncEvery == nil
    let weight = recipe.train.clipValue == nil ? outcome.weight : 1
    events.gradientScale = areHere && outcome.result == .updated ? 1 / weight : nil
  }

  func writeHistograms() throws {
    guard let events = recorder?.tensorboard else { return }
    try replica.fetch()
    try events.epochEnded(state.epoch, step: state.step, replica.model)
  }

  /// A picture of the state that was saved.
  /// - isLast: whether no other one comes, so that it is drawn however fast the ones before came.
  func draw(isLast: Bool = false) throws {
    guard let recorder, let events = recorder.tensorboard, replica.step.device == nil else { return }
    try events.draw(step: state.step, isLast: isLast) {
      try replica.withAverage { recorder.picture(data, replica.model) }
    }
  }
}

extension RunRecorder {
  /// Begins the run's directory, and its events where it has some.
  func begin(_ options: TrainingOptions) throws {
    if let path = options.tensorboardPath, !store.isResumed {
      try TensorBoardLog.requireFree(path, overwrite: options.overwrite, fileSystem: options.fileSystem)
    }
    try store.begin()
    guard let directory = store.directory else { return }
    // A run that was replaced here may have left some.
    if !store.isResumed {
      try TensorBoardLog.removeEvents(of: directory.path, fileSystem: options.fileSystem)
    }
    let own = store.recipe.train.tensorboard ? "\(directory.path)/\(TensorBoardLog.folder)" : nil
    guard let path = options.tensorboardPath ?? own else { return }
    tensorboard = try TensorBoardLog(
      path, recipe: store.recipe, run: store.template.runID,
      resumedAt: store.isResumed ? store.resumedFrom?.state.step ?? 0 : nil,
      log: "\(directory.path)/\(MetricsLog.name)", overwrite: options.overwrite,
      fileSystem: options.fileSystem)
  }
}
