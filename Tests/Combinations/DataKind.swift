/// What a recipe's samples are and what file they come from.
public enum DataKind: String, CaseIterable, Sendable {
  case csvValues = "csv of numbers"
  case csvHorizons = "csv, several horizons"
  case csvLabel = "csv of labels"
  case csvPerStep = "csv, a number for each step"
  case csvPerStepLabel = "csv, a label for each step"
  case csvGroup = "grouped csv"
  case csvGroupLabel = "grouped csv of labels"
  case csvGroupPerStep = "grouped csv, a number for each step"
  case npyClasses = "npy of classes"
  case npyValues = "npy of numbers"
  case idx = "idx"
  case tsEqual = "ts of equal lengths"
  case tsUnequal = "ts of different lengths"
  case tsValues = "ts of numbers"
  case text = "text"
  case tagged = "tagged"
  case pairs = "pairs"

  public var format: String {
    switch self {
    case .csvValues, .csvHorizons, .csvLabel, .csvPerStep, .csvPerStepLabel, .csvGroup, .csvGroupLabel,
      .csvGroupPerStep:
      "csv"
    case .npyClasses, .npyValues: "npy"
    case .idx: "idx"
    case .tsEqual, .tsUnequal, .tsValues: "ts"
    case .text: "text"
    case .tagged: "tagged"
    case .pairs: "pairs"
    }
  }

  var isTokens: Bool { [.text, .tagged, .pairs].contains(self) }
  var isGrouped: Bool { [.csvGroup, .csvGroupLabel, .csvGroupPerStep].contains(self) }
  var hasLabel: Bool { [.csvLabel, .csvPerStepLabel, .csvGroupLabel].contains(self) }
  var isPerStep: Bool { [.csvPerStep, .csvPerStepLabel, .csvGroupPerStep].contains(self) }
  /// Whether each step has a target, the tokens of texts included.
  var hasTargetPerStep: Bool { isPerStep || isTokens }
  var isOfClasses: Bool { hasLabel || isTokens || [.npyClasses, .idx, .tsEqual, .tsUnequal].contains(self) }
  /// Whether samples differ in length.
  var isUnequal: Bool { isGrouped || isTokens || [.tsUnequal, .tsValues].contains(self) }
}
