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
  case csvTexts = "csv of texts with labels"
  case csvTextValues = "csv of texts with numbers"
  case npyClasses = "npy of classes"
  case npyValues = "npy of numbers"
  case npyShards = "npy of several files"
  case idx = "idx"
  case idxShards = "idx of several files"
  case tsEqual = "ts of equal lengths"
  case tsUnequal = "ts of different lengths"
  case tsValues = "ts of numbers"
  case text = "text"
  case tagged = "tagged"
  case pairs = "pairs"

  public var format: String {
    switch self {
    case .csvValues, .csvHorizons, .csvLabel, .csvPerStep, .csvPerStepLabel, .csvGroup, .csvGroupLabel,
      .csvGroupPerStep, .csvTexts, .csvTextValues:
      "csv"
    case .npyClasses, .npyValues, .npyShards: "npy"
    case .idx, .idxShards: "idx"
    case .tsEqual, .tsUnequal, .tsValues: "ts"
    case .text: "text"
    case .tagged: "tagged"
    case .pairs: "pairs"
    }
  }

  /// How the names of inputs and labels end that are several files; nil for one file.
  var shardEndings: (inputs: String, labels: String)? {
    switch self {
    case .npyShards: (".npy", ".npy")
    case .idxShards: ("-idx3-ubyte", "-idx1-ubyte")
    default: nil
    }
  }

  /// Whether a sample's targets are tokens or tags, one for each step.
  private var hasTokenTargets: Bool { [.text, .tagged, .pairs].contains(self) }
  var isOfTexts: Bool { [.csvTexts, .csvTextValues].contains(self) }
  var isTokens: Bool { hasTokenTargets || isOfTexts }
  var isGrouped: Bool { [.csvGroup, .csvGroupLabel, .csvGroupPerStep].contains(self) }
  var hasLabel: Bool { [.csvLabel, .csvPerStepLabel, .csvGroupLabel, .csvTexts].contains(self) }
  var isPerStep: Bool { [.csvPerStep, .csvPerStepLabel, .csvGroupPerStep].contains(self) }
  /// Whether each step has a target, the tokens of texts included.
  var hasTargetPerStep: Bool { isPerStep || hasTokenTargets }
  var isOfClasses: Bool {
    hasLabel || hasTokenTargets
      || [.npyClasses, .npyShards, .idx, .idxShards, .tsEqual, .tsUnequal].contains(self)
  }
  /// Whether samples differ in length.
  var isUnequal: Bool { isGrouped || isTokens || [.tsUnequal, .tsValues].contains(self) }
}
