/// How good a model is on one part of the data: sums over all its samples, divided once.
public struct EvaluationMetrics: Codable, Sendable, Equatable {
  /// Errors in the units of the data file.
  public struct OriginalUnits: Codable, Sendable, Equatable {
    public var mae: Double
    public var rmse: Double
    public var pinball: Double?
    public var crps: Double?
  }

  public var samples: Int
  public var loss: Double
  /// The share of right answers, 0...1; for classes and for bce_with_logits.
  public var accuracy: Double?
  /// The share of answers where the right class is among the five with the largest outputs; where there are more than five.
  public var top5Accuracy: Double?
  /// The mean of the classes' F1, over the classes that occur or were predicted (scikit-learn's `f1_score(average="macro")`).
  public var macroF1: Double?
  /// Mean absolute error, in the units of the loss; for numbers.
  public var mae: Double?
  /// Root of the mean squared error, in the units of the loss; for numbers.
  public var rmse: Double?
  /// Mean of |error / actual| in the units of the data file, 0.1 for ten per cent; nil where an actual value is 0.
  public var mape: Double?
  /// Coefficient of determination, the mean of the targets' (scikit-learn's `r2_score`); nil for fewer than two values.
  public var r2: Double?
  /// Mean pinball loss over the loss's levels, in the units of the loss; of 0.1, 0.5 and 0.9 for a distribution.
  public var pinball: Double?
  /// Mean continuous ranked probability score, in the units of the loss; twice `pinball` for a quantile loss.
  public var crps: Double?
  /// The share of values within the interval of the outermost levels, its ends included, and the share that should be there.
  public var coverage: Double?
  public var nominalCoverage: Double?
  /// e to the mean negative log-likelihood, which no weights or smoothing change; for text.
  public var perplexity: Double?
  /// The same in bits, for text of characters or bytes.
  public var bitsPerCharacter: Double?
  /// Of sources whose target was searched for: the share where it is right from end to end.
  public var sequenceAccuracy: Double?
  /// Tokens to be inserted, deleted or replaced to make them right, for each token of the right ones; of several right ones the
  /// nearest counts.
  public var errorRate: Double?
  /// The errors with the targets' scaling undone, where they were scaled.
  public var originalUnits: OriginalUnits?

  public init(samples: Int, loss: Double) {
    self.samples = samples
    self.loss = loss
  }

  enum CodingKeys: String, CodingKey {
    case samples, loss, accuracy, mae, rmse, mape, r2, perplexity, pinball, crps, coverage
    case nominalCoverage = "nominal_coverage"
    case top5Accuracy = "top_5_accuracy"
    case macroF1 = "macro_f1"
    case bitsPerCharacter = "bits_per_character"
    case sequenceAccuracy = "sequence_accuracy"
    case errorRate = "error_rate"
    case originalUnits = "original_units"
  }

  package subscript(quantity: MetricName.Quantity) -> Double? {
    switch quantity {
    case .loss: loss
    case .accuracy: accuracy
    case .macroF1: macroF1
    case .mae: mae
    case .rmse: rmse
    case .mape: mape
    case .r2: r2
    case .pinball: pinball
    case .crps: crps
    case .perplexity: perplexity
    case .sequenceAccuracy: sequenceAccuracy
    case .errorRate: errorRate
    }
  }
}

/// What the metrics of one part are made of, class by class or target by target.
public struct EvaluationDetails: Codable, Sendable, Equatable {
  /// One class of a classification, or one output of bce_with_logits.
  public struct ClassScore: Codable, Sendable, Equatable {
    public var name: String
    /// Right among those predicted to be of this class; 0 where none was.
    public var precision: Double
    /// Right among those that are of this class; 0 where none is.
    public var recall: Double
    /// 2·precision·recall / (precision + recall).
    public var f1: Double
    /// How many are of this class; where samples have weights, their sum.
    public var support: Double
  }
  /// The errors of one target, in the units of the data file.
  public struct TargetErrors: Codable, Sendable, Equatable {
    public var name: String
    public var mae: Double
    public var rmse: Double
    public var mape: Double?
    public var r2: Double?
    public var pinball: Double?
    public var crps: Double?
    public var coverage: Double?
  }

  public var classes: [ClassScore]?
  /// `[actual][predicted]`, how often, or the weight of such samples; for one answer of several classes.
  public var confusion: [[Double]]?
  /// For each k that was asked for, in words: the share of answers where the right class is among the k largest outputs.
  public var topAccuracy: [String: Double]?
  public var targets: [TargetErrors]?

  enum CodingKeys: String, CodingKey {
    case classes, targets
    case confusion = "confusion_matrix"
    case topAccuracy = "top_k_accuracy"
  }
}
