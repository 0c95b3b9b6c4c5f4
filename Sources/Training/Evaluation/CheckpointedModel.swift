import Diagnostics
import Recurrent

/// A model as a checkpoint holds it, ready to evaluate and predict.
public struct CheckpointedModel {
  /// Absolute path of the file.
  public let path: String
  /// The recipe it was trained by, with the overrides given.
  public let recipe: Recipe
  public let model: Model
  /// Epochs and steps done when it was saved.
  public let epoch: Int
  public let step: Int
  /// Names of the classes in order, where the data named them.
  public let classNames: [String]?

  /// - path: a checkpoint, or a run directory for its newest valid one.
  /// - overrides: `key=value` for data keys, as in `Recipe.init(contentsOf:overrides:)`.
  public init(contentsOf path: String, overrides: [String] = [], threads: Int = 1) throws {
    fatalError("not written yet")
  }

  /// Loads the data the recipe names, scaled as in training.
  public func loadData() throws -> LoadedData { fatalError("not written yet") }
}
