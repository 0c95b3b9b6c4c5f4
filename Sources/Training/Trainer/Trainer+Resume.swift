import Diagnostics

extension Trainer {
  /// Claims the run's directory, and continues from the checkpoint that the options name, on all ranks. Files are only read: what
  /// is refused here or later, before `begin`, leaves no trace.
  /// - Returns: the checkpoint's state; nil where the run begins.
  func resume(_ options: TrainingOptions) throws -> CheckpointState? {
    let file = try communicator.together { () throws -> CheckpointFile? in
      guard let recorder else { return nil }
      return try recorder.store.claim(options, note: recorder.note)
    }
    let bytes = try communicator.together { () throws -> [UInt8] in
      guard let file else { return [] }
      try check(file)
      if file.state.kernelFamily != replica.model.kernels.name {
        recorder?.note(
          "the checkpoint was made with \(file.state.kernelFamily) kernels, this run goes on with \(replica.model.kernels.name): "
            + "its bits will not be those of an unbroken run; RECUR_KERNELS=\(file.state.kernelFamily) goes on with the same ones"
        )
      }
      return [UInt8](try JSON.encoder().encode(file.state))
    }
    let all = try communicator.broadcastBytes(bytes)
    guard !all.isEmpty else {
      try startFromWeights()
      return nil
    }
    let saved = try communicator.together {
      let saved = try JSON.decoder().decode(CheckpointState.self, from: .init(all))
      try state.restore(saved)
      try forgetBest(ofOtherMetric: saved)
      if let file { try replica.fill(from: file, state.ranks, carriesStates: carriesStates) }
      return saved
    }
    try replica.broadcast(communicator, carriesStates: carriesStates)
    replica.restore(saved.optimizer.t, state.ranks)
    noteOtherRanks()
    replica.model.parametersChanged()
    return saved
  }

  /// Ranks that keep something of their own are another run where they are not as many as before.
  private func noteOtherRanks() {
    guard replica.ranks != nil, let before = state.ranks?.updates.count, before != roles.trainers else {
      return
    }
    recorder?.note(
      "the checkpoint has what each of \(before) ranks keeps for itself, and \(roles.trainers) train now: each begins with the mean of them, which is not what \(before) ranks would go on with"
    )
  }

  /// A value by another metric can't be compared with.
  private func forgetBest(ofOtherMetric saved: CheckpointState) throws {
    let before = try Recipe(yaml: saved.recipe, path: "recipe of the checkpoint", baseDirectory: "/")
      .checkpoint.metric
    guard before != recipe.checkpoint.metric else { return }
    state.counters.best = nil
    recorder?.note(
      "checkpoint.metric was \(before) and is \(recipe.checkpoint.metric) from now on: what was best before is not compared"
    )
  }

  /// Makes or takes over the run's directory, when nothing is left that could refuse the run.
  func begin(_ options: TrainingOptions) throws {
    try communicator.together { try recorder?.begin(options) }
  }

  private func check(_ file: CheckpointFile) throws {
    let state = file.state
    var saved = try Recipe(yaml: state.recipe, path: "recipe of the checkpoint", baseDirectory: "/")
    // Before the first step no schedule has spanned anything.
    if state.step == 0 { saved.train.epochs = recipe.train.epochs }
    let anew =
      "start a new run from its weights: --init-from \(ShellWords.quoted([file.path])) with another --out"
    if let refusal = recipe.stretchedSchedule(since: saved, anew) { throw refusal }
    try recipe.requireStart(of: saved)
    if recipe.train.initFrom == nil { recorder?.store.keepStart(of: saved) }
    if let key = recipe.firstDifference(from: saved) {
      throw Failure.badData(
        "can't resume: \(key) is not what the checkpoint was trained with; take it back, or \(anew)"
      )
    }
    guard state.dataFingerprint == data.fingerprint else {
      throw Failure.badData(
        "can't resume: the data files are not those the checkpoint was trained on; bring them back, or \(anew)"
      )
    }
    guard state.position <= set.count else {
      throw Failure.badData("can't resume: the checkpoint's position lies outside of the data")
    }
    guard state.epoch == state.epochLosses.count else {
      throw Failure.badData(
        "can't resume: epoch \(state.epoch) has \(state.epochLosses.count) losses before it")
    }
  }
}

extension Recipe {
  /// The first key whose value would make a resumed run another run, with both values.
  func firstDifference(from saved: Recipe) -> String? {
    var saved = saved
    saved.name = name
    saved.checkpoint = checkpoint
    // Of how ranks work together, only this matters to the bits of a strict run.
    let rounds = saved.distributed
    let (reduction, lanes) = (saved.distributed.reduction, saved.distributed.lanes)
    saved.distributed = distributed
    if reduction == .strict || distributed.reduction == .strict {
      (saved.distributed.reduction, saved.distributed.lanes) = (reduction, lanes)
    }
    // Where ranks take steps by themselves, those are another run's.
    (saved.distributed.syncEvery, saved.distributed.outerLearningRate) = (
      rounds.syncEvery, rounds.outerLearningRate
    )
    saved.distributed.outerMomentum = rounds.outerMomentum
    (saved.distributed.syncDelay, saved.distributed.syncAlpha) = (rounds.syncDelay, rounds.syncAlpha)
    if rounds.compress.keepsErrors || distributed.compress.keepsErrors {
      saved.distributed.compress = rounds.compress
      saved.distributed.powerRank = rounds.powerRank
      (saved.distributed.topShare, saved.distributed.topMomentum) = (rounds.topShare, rounds.topMomentum)
      saved.distributed.topWarmupEpochs = rounds.topWarmupEpochs
    }
    saved.schedule = saved.spanned.schedule
    saved.train.epochs = train.epochs
    // Where the first parameters came from is looked at by itself.
    (saved.train.initFrom, saved.train.initMap) = (train.initFrom, train.initMap)
    saved.train.allowMissing = train.allowMissing
    saved.train.maxBadSteps = train.maxBadSteps
    saved.train.logEverySteps = train.logEverySteps
    saved.train.tensorboard = train.tensorboard
    saved.train.tensorboardHistograms = train.tensorboardHistograms
    saved.data.path = data.path
    saved.data.validationPath = data.validationPath
    saved.data.testPath = data.testPath
    saved.data.labelsPath = data.labelsPath
    saved.data.validationLabelsPath = data.validationLabelsPath
    saved.data.testLabelsPath = data.testLabelsPath
    (saved.data.labelsPaths, saved.data.memory) = (data.labelsPaths, data.memory)
    if data.format != .csv { saved.data.paths = data.paths }
    let (old, new) = (saved.spanned.keyedLines, spanned.keyedLines)
    guard old != new else { return nil }
    let pair = zip(old, new).first { $0 != $1 }
    return pair.map { "\($1) (the checkpoint: \($0))" } ?? "early_stopping"
  }

  /// Why a schedule whose shape depends on the number of epochs can't go on with another number.
  /// - anew: how to start another run.
  fileprivate func stretchedSchedule(since saved: Recipe, _ anew: String) -> Failure? {
    guard case .cosine(let new) = schedule.rule, new.tMax == nil, case .cosine(let old) = saved.schedule.rule
    else { return nil }
    let span = old.tMax ?? saved.train.epochs
    guard span != train.epochs else { return nil }
    return .badData(
      "can't resume: schedule cosine without t_max spans train.epochs, \(train.epochs), and the checkpoint's spans \(span): that is another schedule; set schedule.t_max to \(span) to keep it (after epoch \(span) its rate rises again), or \(anew)"
    )
  }

  /// Throws where this recipe names other first parameters than the run began with; it need not name them.
  fileprivate func requireStart(of saved: Recipe) throws(Failure) {
    guard let path = train.initFrom else { return }
    let (old, new) = (saved.train, train)
    guard
      old.initFrom.map({ $0.hasSameBytes(as: path) }) != true || old.initMap != new.initMap
        || old.allowMissing != new.allowMissing
    else { return }
    let before = old.initFrom.map { "from \($0)" } ?? "without it"
    throw .badData(
      "can't resume: train.init_from is \(path), and the run began \(before); a resumed run does not read it again: leave it out, or start a new run from it with another --out and without --resume"
    )
  }

  /// The same with a number in place of a span that the number of epochs gives.
  private var spanned: Recipe {
    guard case .cosine(var cosine) = schedule.rule, cosine.tMax == nil else { return self }
    var recipe = self
    cosine.tMax = train.epochs
    recipe.schedule.rule = .cosine(cosine)
    return recipe
  }
}
