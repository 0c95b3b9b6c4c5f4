/// Numbers a key may have, with the words that say so.
enum NumberRange: Sendable {
  case any, positive, notNegative
  /// 0...1
  case probability
  /// 0..<1
  case belowOne
  /// 0...1 without its ends.
  case inside

  func contains(_ value: Double) -> Bool {
    switch self {
    case .any: true
    case .positive: value > 0
    case .notNegative: value >= 0
    case .probability: value >= 0 && value <= 1
    case .belowOne: value >= 0 && value < 1
    case .inside: value > 0 && value < 1
    }
  }

  var words: String {
    switch self {
    case .any: "a number"
    case .positive: "above 0"
    case .notNegative: "at least 0"
    case .probability: "between 0 and 1"
    case .belowOne: "at least 0 and below 1"
    case .inside: "above 0 and below 1"
    }
  }
}
