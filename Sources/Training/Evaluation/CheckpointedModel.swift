import Dataset
import Diagnostics
import Recurrent

/// A model as a checkpoint holds it, ready to evaluate and predict.
public struct CheckpointedModel {
  /// Absolute path of the file.
  public let path: String
  /// The recipe it was trained by, with the overrides given.
  public let recipe: Recipe
  /// Epochs and steps done when it was saved.
  public let epoch: Int
  public let step: Int
  /// Names of the classes in order, where the data named them.
  public let classNames: [String]?
  public let scaler: Scaler?
  /// Newer checkpoints that were asked for but can't be used, with the reason.
  public let skipped: [RunDirectory.Search.Skipped]
  public let file: CheckpointFile

  /// - path: a checkpoint, or a run directory for its newest valid one.
  /// - overrides: `key=value` for data keys, as in `Recipe.init(contentsOf:overrides:)`.
  public init(contentsOf path: String, overrides: [String] = []) throws {
    let search = try RunDirectory.checkpoint(at: path)
    guard let file = search.file else {
      throw Failure.missingInput("\(path): no checkpoint; name one, or a run directory")
    }
    self.file = file
    self.path = file.path
    skipped = search.skipped
    recipe = try Recipe(
      yaml: file.state.recipe, path: "\(file.path), recipe", baseDirectory: "/", overrides: overrides)
    epoch = file.state.epoch
    step = file.state.step
    classNames = file.state.classNames
    scaler = file.state.scaler == .null ? nil : try file.state.scaler.decode(as: Scaler.self, in: "scaler")
  }

  /// Loads the data the recipe names, scaled as in training.
  public func loadData() throws -> LoadedData {
    try LoadedData(recipe.data, scaler: scaler, classNames: classNames)
  }

  /// The network for data of this shape, with the checkpoint's parameters.
  public func model(for shape: SampleShape) throws -> Model {
    let architecture = try recipe.architecture(for: shape)
    // Before memory is taken for a network that the file does not hold.
    let tensors = try ParameterLayout(architecture).entries.map { try file.tensor($0.name, shape: $0.shape) }
    let model = try Model(architecture, seed: recipe.seed, kernels: .fromEnvironment())
    for (entry, tensor) in zip(model.layout.entries, tensors) {
      tensor.copy(to: UnsafeMutableBufferPointer(rebasing: model.parameters[entry.range]))
    }
    model.parametersChanged()
    return model
  }
}
