/// One answer as values, whatever it is written as.
struct PredictedRow {
  /// What is found for a sample, or for a step of it.
  enum Answer {
    /// One for each target; NaN for what nobody knows.
    /// - quantiles: of each target those at the columns' levels.
    case numbers(actual: [Double], predicted: [Double], quantiles: [[Double]])
    /// - probabilities: of each class.
    case label(actual: String?, predicted: String, probabilities: [Double])
    /// - predicted: nil where the source can't be read.
    case sequence(source: String, actual: String, predicted: String?)
  }

  /// What its part is called: train, validation, test, or input.
  var part: String
  /// Number in its part.
  var sample: Int
  /// Where there is a target for each step: which one, from 0.
  var step: Int?
  /// csv: the row of the file that holds the target, from 0.
  var row: Int?
  /// csv: the series it belongs to, where series have names.
  var series: String?
  /// csv: when its target is, as the file writes times; empty where nobody knows it.
  var time: String?
  /// What a program called the sample that it sent: JSON.
  var id: String?
  var answer: Answer
}

/// What the rows of one file of predictions have in common.
struct PredictionColumns {
  enum Predicted {
    case numbers([String])
    case classes([String])
    case sequences
  }

  /// Classes up to which each one's probability is written without being asked for.
  static let fewClasses = 20

  var hasStep = false
  var hasRow = false
  var hasSeries = false
  var hasTime = false
  /// Of numbers, what the quantiles that are written are called.
  var levels: [String] = []
  let kind: Predicted
  /// Whether the probability of each class is written.
  let showsProbabilities: Bool

  /// - wantsProbabilities: of however many classes there are.
  init(_ kind: Predicted, wantsProbabilities: Bool) {
    self.kind = kind
    guard case .classes(let names) = kind else {
      showsProbabilities = false
      return
    }
    showsProbabilities = wantsProbabilities || names.count <= Self.fewClasses
  }
}

/// Gives the rows of predictions of some parts of the data, in order.
protocol RowSource {
  var columns: PredictionColumns { get }
  func forEachRow(_ parts: [PredictedPart], _ body: (PredictedRow) throws -> Void) throws
}
