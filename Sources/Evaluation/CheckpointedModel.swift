import Batches
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
  /// tagged: the words by their numbers; pairs: the tokens of the sources.
  private let words: [String]?
  /// csv: of each categorical column what training has seen.
  public let categoryNames: [[String]]?
  /// What made it the best of its run's checkpoints; nil where it was not chosen so.
  public let chosenBy: CheckpointState.Monitored?
  /// A better one that its run had, which is missing or damaged.
  public let lostBest: CheckpointState.Monitored?
  /// Other checkpoints that were asked for but can't be used, with the reason.
  public let skipped: [RunDirectory.Search.Skipped]
  public let file: CheckpointFile

  /// - path: a checkpoint, or a run directory.
  /// - choice: of a run directory, which one.
  /// - overrides: `key=value` for data keys, as in `Recipe.init(contentsOf:overrides:)`.
  public init(
    contentsOf path: String, choosing choice: RunDirectory.Selection = .best, overrides: [String] = []
  ) throws {
    let search = try RunDirectory.checkpoint(at: path, choosing: choice)
    guard let file = search.file else {
      throw Failure.missingInput("\(path): no checkpoint; name one, or a run directory")
    }
    self.file = file
    self.path = file.path
    skipped = search.skipped
    (chosenBy, lostBest) = (search.chosenBy, search.lostBest)
    recipe = try Recipe(
      yaml: file.state.recipe, path: "\(file.path), recipe", baseDirectory: "/", overrides: overrides)
    if !overrides.isEmpty {
      let own = try Recipe(yaml: file.state.recipe, path: "\(file.path), recipe", baseDirectory: "/")
      try recipe.requireMeanings(of: own)
    }
    epoch = file.state.epoch
    step = file.state.step
    classNames = file.state.classNames
    words = try file.state.extra["vocabulary"].map { try $0.decode(as: [String].self, in: "vocabulary") }
    categoryNames = try file.state.extra["categories"].map {
      try $0.decode(as: [[String]].self, in: "categories")
    }
    scaler = file.state.scaler == .null ? nil : try file.state.scaler.decode(as: Scaler.self, in: "scaler")
  }

  /// Loads the data the recipe names, scaled as in training.
  public func loadData() throws -> LoadedData {
    try loadData(recipe.data)
  }

  /// Loads other data of the same kind, scaled and numbered as in training.
  public func loadData(_ specification: DataSpecification) throws -> LoadedData {
    try LoadedData(
      specification, scaler: scaler, classNames: classNames, vocabulary: words, categoryNames: categoryNames)
  }

  /// The tokens of a checkpoint that was trained on text; nil for other data.
  public var vocabulary: Vocabulary? {
    guard recipe.data.format == .text, let classNames else { return nil }
    return Vocabulary(recipe.data.tokens, names: classNames)
  }

  /// The shape of samples of text, which needs no file.
  public func textShape(_ vocabulary: Vocabulary) -> SampleShape {
    var shape = SampleShape(
      steps: recipe.data.sequenceLength, features: 0, target: .classes(count: vocabulary.count))
    (shape.hasTargetPerStep, shape.hasEqualLengths) = (true, false)
    (shape.vocabulary, shape.tokens) = (vocabulary.count, recipe.data.tokens)
    return shape
  }

  /// The network for data of this shape, with the checkpoint's parameters: the averages where the recipe has `train.ema`.
  public func model(for shape: SampleShape) throws -> Model {
    let network = try recipe.network(for: shape)
    let prefix = file.evaluatedPrefix(recipe)
    // Before memory is taken for a network that the file does not hold.
    let tensors = try ParameterLayout(network).entries.map {
      try file.tensor(prefix + $0.name, shape: $0.shape)
    }
    let model = try Model(network, seed: recipe.seed, kernels: .fromEnvironment(recipe.precision))
    for (entry, tensor) in zip(model.layout.entries, tensors) {
      tensor.copy(to: UnsafeMutableBufferPointer(rebasing: model.parameters[entry.range]))
    }
    model.parametersChanged()
    return model
  }
}
