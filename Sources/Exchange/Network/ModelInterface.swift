import Dataset
import Recurrent

/// What goes into an exported network and comes out of it, besides what its network says.
package struct ModelInterface: Sendable {
  /// Brings numbers to the units of the data file; nil for numbers as the network has them.
  package var scaler: Scaler?
  /// What outputs mean; nil for outputs as the network gives them.
  package var loss: Loss?
  /// How many numbers targets count from, where they are changes that go out as values; nil where they are no changes.
  package var baseWidth: Int?
  /// Whether sequences may have lengths of their own.
  package var hasLengths = false
  /// Whether the states at the end are given out and taken in, as streams carry them on.
  package var carriesStates = false
  /// Of the numbers to predict, in order; empty for classes.
  package var targetNames: [String] = []

  package init() {}
}

extension ModelInterface {
  /// What each number of `output` is, in the order of its last axis; nil for classes, which have names of their own.
  package var outputNames: [String]? {
    if targetNames.isEmpty { return nil }
    let parts: [String]
    switch loss {
    case nil, .mse, .mae, .huber, .bceWithLogits, .crossEntropy: return targetNames
    case .quantile(let levels): parts = levels.map(Loss.name(ofLevel:))
    case .gaussianNLL: parts = ["mean", "deviation"]
    case .studentT: parts = ["location", "scale", "degrees_of_freedom"]
    case .poisson: parts = ["rate"]
    case .negativeBinomial: parts = ["mean", "dispersion"]
    }
    return targetNames.flatMap { name in parts.map { "\(name).\($0)" } }
  }
}
