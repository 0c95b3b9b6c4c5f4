/// The `optimizer` section: rule and settings, named and preset as in `torch.optim`.
public struct OptimizerSpecification: Sendable, Equatable {
  public struct SGD: Sendable, Equatable {
    public var momentum: Double = 0
    public var dampening: Double = 0
    public var nesterov: Bool = false
    public init() {}
  }

  public struct Adam: Sendable, Equatable {
    public var beta1: Double = 0.9
    public var beta2: Double = 0.999
    public var eps: Double = 1e-8
    public init() {}
  }

  public struct RMSprop: Sendable, Equatable {
    public var alpha: Double = 0.99
    public var eps: Double = 1e-8
    public var momentum: Double = 0
    public init() {}
  }

  public enum Rule: Sendable, Equatable {
    case sgd(SGD)
    /// `torch.optim.Adam`: weight decay is added to the gradient.
    case adam(Adam)
    /// `torch.optim.AdamW`: weight decay shrinks the parameters.
    case adamW(Adam)
    case rmsprop(RMSprop)
  }

  public var rule: Rule
  public var learningRate: Double
  public var weightDecay: Double

  /// Settings left out get PyTorch's presets: lr 0.001 (rmsprop 0.01), weight decay 0 (adamw 0.01).
  public init(_ rule: Rule, learningRate: Double? = nil, weightDecay: Double? = nil) {
    self.rule = rule
    switch rule {
    case .rmsprop: self.learningRate = learningRate ?? 1e-2
    case .sgd, .adam, .adamW: self.learningRate = learningRate ?? 1e-3
    }
    if case .adamW = rule {
      self.weightDecay = weightDecay ?? 1e-2
    } else {
      self.weightDecay = weightDecay ?? 0
    }
  }
}

extension OptimizerSpecification.Rule {
  public static func sgd(momentum: Double = 0, dampening: Double = 0, nesterov: Bool = false) -> Self {
    var settings = OptimizerSpecification.SGD()
    (settings.momentum, settings.dampening, settings.nesterov) = (momentum, dampening, nesterov)
    return .sgd(settings)
  }

  /// `torch.optim.Adam`.
  public static func adam(beta1: Double = 0.9, beta2: Double = 0.999, eps: Double = 1e-8) -> Self {
    var settings = OptimizerSpecification.Adam()
    (settings.beta1, settings.beta2, settings.eps) = (beta1, beta2, eps)
    return .adam(settings)
  }

  /// `torch.optim.AdamW`.
  public static func adamW(beta1: Double = 0.9, beta2: Double = 0.999, eps: Double = 1e-8) -> Self {
    guard case .adam(let settings) = adam(beta1: beta1, beta2: beta2, eps: eps) else {
      return .adamW(.init())
    }
    return .adamW(settings)
  }

  public static func rmsprop(alpha: Double = 0.99, eps: Double = 1e-8, momentum: Double = 0) -> Self {
    var settings = OptimizerSpecification.RMSprop()
    (settings.alpha, settings.eps, settings.momentum) = (alpha, eps, momentum)
    return .rmsprop(settings)
  }
}

/// As `torch.optim` names them; what is left out has its presets.
extension OptimizerSpecification {
  public static func sgd(
    learningRate: Double? = nil, momentum: Double = 0, nesterov: Bool = false, weightDecay: Double? = nil
  ) -> Self {
    Self(
      .sgd(momentum: momentum, nesterov: nesterov), learningRate: learningRate, weightDecay: weightDecay)
  }

  public static func adam(
    learningRate: Double? = nil, beta1: Double = 0.9, beta2: Double = 0.999, eps: Double = 1e-8,
    weightDecay: Double? = nil
  ) -> Self {
    Self(.adam(beta1: beta1, beta2: beta2, eps: eps), learningRate: learningRate, weightDecay: weightDecay)
  }

  public static func adamW(
    learningRate: Double? = nil, beta1: Double = 0.9, beta2: Double = 0.999, eps: Double = 1e-8,
    weightDecay: Double? = nil
  ) -> Self {
    Self(.adamW(beta1: beta1, beta2: beta2, eps: eps), learningRate: learningRate, weightDecay: weightDecay)
  }

  public static func rmsprop(
    learningRate: Double? = nil, alpha: Double = 0.99, eps: Double = 1e-8, momentum: Double = 0,
    weightDecay: Double? = nil
  ) -> Self {
    Self(
      .rmsprop(alpha: alpha, eps: eps, momentum: momentum), learningRate: learningRate,
      weightDecay: weightDecay)
  }
}

// MARK: Keys

extension OptimizerSpecification: SelectedSection {
  enum Kind: String, CaseIterable {
    case sgd, adam
    case adamW = "adamw"
    case rmsprop
  }

  var kind: Kind {
    switch rule {
    case .sgd: .sgd
    case .adam: .adam
    case .adamW: .adamW
    case .rmsprop: .rmsprop
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
    }
  }

  static let section: Section<Self> = Section(
    selector: "name", words: "optimizer ",
    keys: [
      Key(selector: "name", "How a gradient changes the parameters, as in torch.optim."),
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
        "betas", \.rule.adam.betas, .betas, only: [.adam, .adamW],
        "Decays of the running means of the gradient and of its square."),
      Key(
        "alpha", \.rule.rmsprop.alpha, .number(.probability), only: [.rmsprop],
        "Decay of the running mean of the gradient's square."),
      Key(
        "eps", \.rule.adam.eps, .number(.notNegative), only: [.adam, .adamW],
        "Added to the divisor, outside of the root."),
      Key(
        "eps", \.rule.rmsprop.eps, .number(.notNegative), only: [.rmsprop],
        "Added to the divisor, outside of the root."),
      Key(
        "momentum", \.rule.rmsprop.momentum, .number(.notNegative), only: [.rmsprop],
        "Share of the step before that is taken again."),
      Key(
        "weight_decay", \.weightDecay, .number(.notNegative),
        "Pull of the parameters towards 0: added to the gradient, or (adamw) taken off the parameters."),
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
      case .sgd, .rmsprop: .init()
      }
    }
    set { if case .adamW = self { self = .adamW(newValue) } else { self = .adam(newValue) } }
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
