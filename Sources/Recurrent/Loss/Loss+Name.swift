extension Loss {
  /// The losses by name, without their settings.
  package enum Kind: String, CaseIterable, Sendable {
    case mse, mae, huber
    case crossEntropy = "cross_entropy"
    case bceWithLogits = "bce_with_logits"
    case quantile
    case gaussianNLL = "gaussian_nll"
    case studentT = "student_t"
    case poisson
    case negativeBinomial = "negative_binomial"
  }

  package var kind: Kind {
    switch self {
    case .mse: .mse
    case .mae: .mae
    case .huber: .huber
    case .crossEntropy: .crossEntropy
    case .bceWithLogits: .bceWithLogits
    case .quantile: .quantile
    case .gaussianNLL: .gaussianNLL
    case .studentT: .studentT
    case .poisson: .poisson
    case .negativeBinomial: .negativeBinomial
    }
  }

  /// Its name in a recipe.
  public var name: String { kind.rawValue }
}
