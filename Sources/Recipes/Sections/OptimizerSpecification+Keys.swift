extension OptimizerSpecification: SelectedSection {
  enum Kind: String, CaseIterable {
    case sgd, adam
    case adamW = "adamw"
    case rmsprop, lamb, lars
  }

  var kind: Kind {
    switch rule {
    case .sgd: .sgd
    case .adam: .adam
    case .adamW: .adamW
    case .rmsprop: .rmsprop
    case .lamb: .lamb
    case .lars: .lars
    }
  }

  /// Whether its steps have a momentum of their own.
  var hasMomentum: Bool {
    switch rule {
    case .sgd(let sgd): sgd.momentum > 0
    case .lars(let lars): lars.momentum > 0
    case .rmsprop(let rmsprop): rmsprop.momentum > 0
    case .adam, .adamW, .lamb: rule.adam.beta1 > 0
    }
  }

  /// Its name in a recipe.
  public var name: String { kind.rawValue }

  static func start(_ kind: Kind) -> OptimizerSpecification {
    switch kind {
    case .sgd: OptimizerSpecification(.sgd())
    case .adam: OptimizerSpecification(.adam())
    case .adamW: OptimizerSpecification(.adamW())
    case .rmsprop: OptimizerSpecification(.rmsprop())
    case .lamb: OptimizerSpecification(.lamb(LAMB()))
    case .lars: OptimizerSpecification(.lars(LARS()))
    }
  }

  static let section: Section<Self> = Section(
    selector: "name", words: "optimizer ",
    keys: [
      Key(
        selector: "name",
        "How a gradient changes the parameters, as in torch.optim; lamb and lars, as in NVIDIA's apex, for large batches."
      ),
      Key("lr", \.learningRate, .number(.notNegative), "Learning rate, before the schedule."),
      Key(
        "momentum", \.rule.sgd.momentum, .number(.notNegative), only: [.sgd],
        "Share of the step before that is taken again."),
      Key(
        "dampening", \.rule.sgd.dampening, .number(.any), only: [.sgd],
        "Share of the gradient that momentum leaves out."),
      Key("nesterov", \.rule.sgd.nesterov, .flag, only: [.sgd], "Nesterov's momentum.")
        .checked { optimizer, map in
          let sgd = optimizer.rule.sgd
          if sgd.nesterov, sgd.momentum == 0 || sgd.dampening != 0 {
            throw map.failure(at: "nesterov", "optimizer.nesterov needs a momentum above 0 and no dampening")
          }
        },
      Key(
        "momentum", \.rule.lars.momentum, .number(.notNegative), only: [.lars],
        "Share of the step before that is taken again."),
      Key("nesterov", \.rule.lars.nesterov, .flag, only: [.lars], "Nesterov's momentum.")
        .checked { optimizer, map in
          let lars = optimizer.rule.lars
          if lars.nesterov, lars.momentum == 0 {
            throw map.failure(at: "nesterov", "optimizer.nesterov needs a momentum above 0")
          }
        },
      Key(
        "trust", \.rule.lars.trust, .number(.positive), only: [.lars],
        "Share of a tensor's norm that its step has at a learning rate of 1."),
      Key(
        "betas", \.rule.adam.betas, .betas, only: [.adam, .adamW, .lamb],
        "Decays of the running means of the gradient and of its square."),
      Key(
        "alpha", \.rule.rmsprop.alpha, .number(.probability), only: [.rmsprop],
        "Decay of the running mean of the gradient's square."),
      Key(
        "eps", \.rule.adam.eps, .number(.notNegative), only: [.adam, .adamW, .lamb],
        "Added to the divisor, outside of the root."),
      Key(
        "eps", \.rule.lars.eps, .number(.notNegative), only: [.lars], "Added to the divisor of the ratio."),
      Key(
        "eps", \.rule.rmsprop.eps, .number(.notNegative), only: [.rmsprop],
        "Added to the divisor, outside of the root."),
      Key(
        "momentum", \.rule.rmsprop.momentum, .number(.notNegative), only: [.rmsprop],
        "Share of the step before that is taken again."),
      Key(
        "weight_decay", \.weightDecay, .number(.notNegative),
        "Pull of the parameters towards 0: added to the gradient, or (adamw) taken off the parameters, or (lamb) added to Adam's step."
      ),
      Key(
        "adapt_vectors", \.rule.adaptsVectors, .flag, only: [.lamb, .lars],
        "Whether biases and other vectors have a ratio of norms and weight decay too, or Adam's or SGD's own step."
      ),
    ])
}

extension OptimizerSpecification.Rule {
  fileprivate var sgd: OptimizerSpecification.SGD {
    get { if case .sgd(let settings) = self { settings } else { .init() } }
    set { self = .sgd(newValue) }
  }

  /// Of Adam and AdamW.
  fileprivate var adam: OptimizerSpecification.Adam {
    get {
      switch self {
      case .adam(let settings), .adamW(let settings): settings
      case .lamb(let lamb): lamb.adam
      case .sgd, .rmsprop, .lars: .init()
      }
    }
    set {
      switch self {
      case .adamW: self = .adamW(newValue)
      case .lamb(var lamb):
        lamb.adam = newValue
        self = .lamb(lamb)
      default: self = .adam(newValue)
      }
    }
  }

  fileprivate var lars: OptimizerSpecification.LARS {
    get { if case .lars(let settings) = self { settings } else { .init() } }
    set { self = .lars(newValue) }
  }

  /// Of LAMB and LARS.
  fileprivate var adaptsVectors: Bool {
    get {
      switch self {
      case .lamb(let lamb): lamb.adaptsVectors
      case .lars(let lars): lars.adaptsVectors
      case .sgd, .adam, .adamW, .rmsprop: true
      }
    }
    set {
      if case .lamb(var lamb) = self {
        lamb.adaptsVectors = newValue
        self = .lamb(lamb)
      }
      if case .lars(var lars) = self {
        lars.adaptsVectors = newValue
        self = .lars(lars)
      }
    }
  }

  fileprivate var rmsprop: OptimizerSpecification.RMSprop {
    get { if case .rmsprop(let settings) = self { settings } else { .init() } }
    set { self = .rmsprop(newValue) }
  }
}

extension OptimizerSpecification.Adam {
  fileprivate var betas: [Double] {
    get { [beta1, beta2] }
    set { (beta1, beta2) = (newValue[0], newValue[1]) }
  }
}

extension Codec where Value == [Double] {
  fileprivate static var betas: Codec {
    Codec(.list(of: .number(.belowOne), .exactly(2))) { node, place in
      guard case .list(let items) = node.content, items.count == 2 else {
        throw place.wrong(node, "a list of two numbers such as [0.9, 0.999]")
      }
      return try items.map { try $0.number(.belowOne, place) }
    } write: {
      .list($0.map { .init($0) })
    }
  }
}
