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

  /// You et al. 2020: Adam's step, made as long as a tensor's parameters are large. eps is apex's.
  public struct LAMB: Sendable, Equatable {
    public var adam: Adam = Adam()
    /// Whether biases and other vectors have a ratio and weight decay too.
    public var adaptsVectors: Bool = true
    public init() { adam.eps = 1e-6 }
  }

  /// You et al. 2017: SGD whose gradients are made as large as a share of a tensor's parameters.
  public struct LARS: Sendable, Equatable {
    public var momentum: Double = 0.9
    public var nesterov: Bool = false
    /// The share.
    public var trust: Double = 1e-3
    public var eps: Double = 1e-8
    /// Whether biases and other vectors have a ratio and weight decay too.
    public var adaptsVectors: Bool = true
    public init() {}
  }

  public enum Rule: Sendable, Equatable {
    case sgd(SGD)
    /// `torch.optim.Adam`: weight decay is added to the gradient.
    case adam(Adam)
    /// `torch.optim.AdamW`: weight decay shrinks the parameters.
    case adamW(Adam)
    case rmsprop(RMSprop)
    /// NVIDIA apex's `FusedLAMB(use_nvlamb=True, max_grad_norm=0)`: `train.clip_norm` limits the norm.
    case lamb(LAMB)
    /// NVIDIA apex's `LARC(clip=False)` around `torch.optim.SGD`.
    case lars(LARS)
  }

  public var rule: Rule
  public var learningRate: Double
  public var weightDecay: Double

  /// Settings left out get PyTorch's presets: lr 0.001 (rmsprop 0.01, lars 1), weight decay 0 (adamw, lamb 0.01).
  public init(_ rule: Rule, learningRate: Double? = nil, weightDecay: Double? = nil) {
    self.rule = rule
    switch rule {
    case .rmsprop: self.learningRate = learningRate ?? 1e-2
    case .lars: self.learningRate = learningRate ?? 1
    case .sgd, .adam, .adamW, .lamb: self.learningRate = learningRate ?? 1e-3
    }
    switch rule {
    case .adamW, .lamb: self.weightDecay = weightDecay ?? 1e-2
    case .sgd, .adam, .rmsprop, .lars: self.weightDecay = weightDecay ?? 0
    }
  }
}

extension OptimizerSpecification.Rule {
  public static func sgd(momentum: Double = 0, dampening: Double = 0, nesterov: Bool = false) -> Self {
    var settings = OptimizerSpecification.SGD()
    (settings.momentum, settings.dampening, settings.nesterov) = (momentum, dampening, nesterov)
    return .sgd(settings)
  }

  /// See `lamb(LAMB)`.
  public static func lamb(
    beta1: Double = 0.9, beta2: Double = 0.999, eps: Double = 1e-6, adaptsVectors: Bool = true
  ) -> Self {
    var settings = OptimizerSpecification.LAMB()
    (settings.adam.beta1, settings.adam.beta2, settings.adam.eps) = (beta1, beta2, eps)
    settings.adaptsVectors = adaptsVectors
    return .lamb(settings)
  }

  /// See `lars(LARS)`.
  public static func lars(
    momentum: Double = 0.9, nesterov: Bool = false, trust: Double = 1e-3, eps: Double = 1e-8,
    adaptsVectors: Bool = true
  ) -> Self {
    var settings = OptimizerSpecification.LARS()
    (settings.momentum, settings.nesterov, settings.trust) = (momentum, nesterov, trust)
    (settings.eps, settings.adaptsVectors) = (eps, adaptsVectors)
    return .lars(settings)
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
