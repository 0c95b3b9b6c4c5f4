import Batches
import Dataset
import Foundation
import Recipes
import Recurrent
import TestSupport
import Testing

@Suite("The recipes in launch/recipes", .tags(.fast)) struct RecipeFilesTests {
  /// Parameters of the network as PyTorch counts them for the tutorial's model.
  static let parameters = [
    "stock-rnn": 297, "stock-lstm": 1_065, "stock-gru": 809, "mnist-bilstm": 14_410,
    "classify-last": 3_522, "classify-deep": 970, "classify-bidirectional": 1_250, "many-to-one-sigmoid": 120,
    "feed-forward": 241, "japanese-vowels": 41_097, "char-lm": 1_220_095, "word-lm-small": 4_653_200,
    "word-lm-medium": 19_780_400, "forecast": 12_120, "tagging": 2_884_028, "g2p": 2_546_408,
    "panel": 16_208, "verses": 1_225_282,
  ]

  static let shapes = [
    "mnist-bilstm": SampleShape(steps: 28, features: 28, target: .classes(count: 10)),
    "char-lm": tokens(64, 63), "word-lm-small": tokens(20, 10_000), "word-lm-medium": tokens(35, 10_000),
    "forecast": SampleShape(steps: 72, features: 7, target: .values(width: 24)),
    "panel": panel,
    "tagging": tokens(659, 26_372, tags: 44),
    "g2p": pairs(27, 40), "verses": verses,
    "japanese-vowels": SampleShape(steps: 29, features: 12, target: .classes(count: 9)),
  ]

  private static let panel: SampleShape = {
    var shape = SampleShape(steps: 72, features: 14, target: .values(width: 24))
    shape.categories = [4]
    return shape
  }()

  private static func tokens(_ steps: Int, _ vocabulary: Int, tags: Int? = nil) -> SampleShape {
    var shape = SampleShape(steps: steps, features: 0, target: .classes(count: tags ?? vocabulary))
    (shape.vocabulary, shape.hasTargetPerStep, shape.hasEqualLengths) = (vocabulary, true, false)
    return shape
  }

  private static let verses: SampleShape = {
    var shape = tokens(100, 7_892, tags: 66)
    shape.hasTargetPerStep = false
    return shape
  }()

  private static func pairs(_ sources: Int, _ targets: Int) -> SampleShape {
    var shape = tokens(30, targets)
    (shape.vocabulary, shape.sourceSteps) = (sources, 30)
    return shape
  }

  @Test func `are those with a known number of parameters`() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: recipeFolder.path)
    #expect(Set(files) == Set(Self.parameters.keys.map { "\($0).yaml" }))
  }

  @Test(arguments: parameters.keys.sorted()) func `read, load their data and fit it`(_ name: String) throws {
    let recipe = try Recipe(contentsOf: recipeFolder.appendingPathComponent("\(name).yaml").path)
    #expect(recipe.name == name)
    // What is not bundled may not be there.
    let shape = try Self.shapes[name] ?? LoadedData(recipe.data).shape
    #expect(ParameterLayout(try recipe.network(for: shape)).count == Self.parameters[name])
  }
}
