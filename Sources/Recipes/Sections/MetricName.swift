/// A measured quantity that decisions are made on, written `validation.loss`.
public struct MetricName: Sendable, Equatable, CustomStringConvertible {
  public enum Part: String, Sendable, CaseIterable { case train, validation }
  public enum Quantity: String, Sendable, CaseIterable {
    case loss, accuracy, mae, rmse, mape, r2, pinball, crps, perplexity
    case macroF1 = "macro_f1"
    case sequenceAccuracy = "sequence_accuracy"
    case errorRate = "error_rate"
  }
  public var part: Part
  public var quantity: Quantity

  public init(_ part: Part, _ quantity: Quantity) {
    self.part = part
    self.quantity = quantity
  }
  /// Whether more is better.
  public var increases: Bool { [.accuracy, .macroF1, .r2, .sequenceAccuracy].contains(quantity) }
  public var description: String { "\(part.rawValue).\(quantity.rawValue)" }

  /// What can be decided on: of the training part only what is measured while training.
  package static let all: [MetricName] =
    [MetricName(.train, .loss), MetricName(.train, .accuracy)]
    + Quantity.allCases.map { MetricName(.validation, $0) }
}

extension Codec where Value == MetricName {
  static var metric: Codec {
    let words = Codec<String>.choice(of: MetricName.all.map(\.description))
    return Codec(words.kind) { node, place in
      let text = try words.read(node, place)
      guard let metric = MetricName.all.first(where: { $0.description == text }) else {
        preconditionFailure("\(text) is one of the choices")
      }
      return metric
    } write: {
      .plain($0.description)
    }
  }
}

extension MetricName {
  /// Whether `value` is better than `best` by more than `delta`. A NaN is never better.
  public func isImprovement(_ value: Double, over best: Double?, by delta: Double = 0) -> Bool {
    guard !value.isNaN else { return false }
    guard let best else { return true }
    return increases ? value - best > delta : best - value > delta
  }
}
