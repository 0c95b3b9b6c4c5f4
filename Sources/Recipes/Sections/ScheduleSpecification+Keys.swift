extension ScheduleSpecification: SelectedSection {
  enum Kind: String, CaseIterable { case constant, step, exponential, cosine, plateau }

  var kind: Kind {
    switch rule {
    case .constant: .constant
    case .step: .step
    case .exponential: .exponential
    case .cosine: .cosine
    case .plateau: .plateau
    }
  }

  static func start(_ kind: Kind) -> ScheduleSpecification {
    switch kind {
    case .constant: ScheduleSpecification(.constant)
    case .step: ScheduleSpecification(.step(Step()))
    case .exponential: ScheduleSpecification(.exponential(Exponential()))
    case .cosine: ScheduleSpecification(.cosine(Cosine()))
    case .plateau: ScheduleSpecification(.plateau(Plateau()))
    }
  }

  private static let counts = 0...Int(Int32.max)

  static let section: Section<Self> = Section(
    selector: "name", words: "schedule ",
    keys: [
      Key(selector: "name", "How the learning rate changes, as in torch.optim.lr_scheduler."),
      Key("step_size", \.rule.step.stepSize, .whole(), only: [.step], "Epochs between two changes.")
        .required(),
      Key(
        "gamma", \.rule.step.gamma, .number(.positive), only: [.step],
        "What the rate is multiplied by every step_size epochs."),
      Key(
        "gamma", \.rule.exponential.gamma, .number(.positive), only: [.exponential],
        "What the rate is multiplied by every epoch."
      )
      .required(),
      Key(
        "start_epoch", \.rule.exponential.startEpoch, .whole(counts), only: [.exponential],
        "Epoch, from 0, up to which the rate stays."),
      Key(
        "t_max", optional: \.rule.cosine.tMax, .whole(), only: [.cosine], "Epochs that the half wave takes."
      )
      .absent("train.epochs"),
      Key(
        "factor", \.rule.plateau.factor, .number(.belowOne), only: [.plateau],
        "What the rate is multiplied by where nothing improves."),
      Key(
        "patience", \.rule.plateau.patience, .whole(counts), only: [.plateau],
        "Epochs without improvement that change nothing yet."),
      Key(
        "threshold", \.rule.plateau.threshold, .number(.notNegative), only: [.plateau],
        "Least relative change that counts as an improvement."),
      Key(
        "cooldown", \.rule.plateau.cooldown, .whole(counts), only: [.plateau],
        "Epochs after a change in which nothing is counted."),
      Key(
        "min_lr", \.rule.cosine.minLR, .number(.notNegative), only: [.cosine],
        "Rate at the end of the half wave."),
      Key(
        "min_lr", \.rule.plateau.minLR, .number(.notNegative), only: [.plateau],
        "Rate below which it does not fall."),
      Key("metric", \.rule.plateau.metric, .metric, only: [.plateau], "What should improve."),
      Key("warmup_steps", \.warmupSteps, .whole(counts), "Steps over which the rate first rises linearly."),
      Key(
        "warmup_epochs", optional: \.warmupEpochs, .number(.notNegative),
        "The same counted in epochs, also parts of one; null for warmup_steps."
      ).checked { schedule, map in
        if schedule.warmupEpochs != nil, schedule.warmupSteps > 0 {
          throw map.failure(
            at: "warmup_epochs",
            "schedule.warmup_epochs and schedule.warmup_steps exclude each other; keep one")
        }
      },
      Key(
        "scale_lr", \.scaling, .choice(),
        "How optimizer.lr grows with train.batch_size, from what it is at base_batch_size: in proportion, or by the root."
      ),
      Key(
        "base_batch_size", optional: \.baseBatchSize, .whole(),
        "Samples of a batch that optimizer.lr is meant for."
      ).checked { try $0.requireBase($1) },
    ])

  /// Refuses a scale without the batch it begins at, and such a batch without a scale.
  private func requireBase(_ map: RecipeMap) throws {
    switch (scaling, baseBatchSize) {
    case (.none, nil), (.linear, .some), (.sqrt, .some): return
    case (.none, .some):
      throw map.failure(
        at: "base_batch_size", "schedule.base_batch_size needs schedule.scale_lr, linear or sqrt")
    case (_, nil):
      throw map.failure(
        at: "scale_lr",
        "schedule.scale_lr: \(scaling.rawValue) needs schedule.base_batch_size, the batch that optimizer.lr is meant for"
      )
    }
  }
}

extension ScheduleSpecification.Rule {
  fileprivate var step: ScheduleSpecification.Step {
    get { if case .step(let settings) = self { settings } else { .init() } }
    set { self = .step(newValue) }
  }
  fileprivate var exponential: ScheduleSpecification.Exponential {
    get { if case .exponential(let settings) = self { settings } else { .init() } }
    set { self = .exponential(newValue) }
  }
  fileprivate var cosine: ScheduleSpecification.Cosine {
    get { if case .cosine(let settings) = self { settings } else { .init() } }
    set { self = .cosine(newValue) }
  }
  fileprivate var plateau: ScheduleSpecification.Plateau {
    get { if case .plateau(let settings) = self { settings } else { .init() } }
    set { self = .plateau(newValue) }
  }
}
