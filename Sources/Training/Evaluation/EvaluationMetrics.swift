/// How good a model is on one part of the data: sums over all its samples, divided once.
public struct EvaluationMetrics: Codable, Sendable, Equatable {
  /// Errors in the units of the data file.
  public struct OriginalUnits: Codable, Sendable, Equatable {
    public var mae: Double
    public var rmse: Double
  }

  public var samples: Int
  public var loss: Double
  /// The share of right answers, 0...1; for classes and for bce_with_logits.
  public var accuracy: Double?
  /// Mean absolute error, in the units of the loss; for numbers.
  public var mae: Double?
  /// Root of the mean squared error, in the units of the loss; for numbers.
  public var rmse: Double?
  /// e to the loss, for text.
  public var perplexity: Double?
  /// The loss in bits, for text of characters or bytes.
  public var bitsPerCharacter: Double?
  /// Of targets that were searched for: the share that is right from end to end.
  public var sequenceAccuracy: Double?
  /// Tokens to be inserted, deleted or replaced to make them right, for each token of the right ones.
  public var errorRate: Double?
  /// mae and rmse with the targets' scaling undone, where they were scaled.
  public var originalUnits: OriginalUnits?

  public init(samples: Int, loss: Double) {
    self.samples = samples
    self.loss = loss
  }

  enum CodingKeys: String, CodingKey {
    case samples, loss, accuracy, mae, rmse, perplexity
    case bitsPerCharacter = "bits_per_character"
    case sequenceAccuracy = "sequence_accuracy"
    case errorRate = "error_rate"
    case originalUnits = "original_units"
  }

  subscript(quantity: MetricName.Quantity) -> Double? {
    switch quantity {
    case .loss: loss
    case .accuracy: accuracy
    case .mae: mae
    case .rmse: rmse
    }
  }
}
