import Recur
import TestSupport
import Testing

/// `NameClassifier` is PyTorch's tutorial "Classifying names with a character-level RNN" (its first version).
@Suite("A cell of one's own", .tags(.fast)) struct OwnCellTests {
  /// PyTorch's numbers of the tutorial's module with 8 hidden units and 3 languages after `torch.manual_seed(42)`.
  @Test func `gives PyTorch's outputs, loss and gradients`() throws {
    let model = NameClassifier(hidden: 8, languages: 3, seed: 42)
    let expected: [Float] = [0.0209562033, 0.1818198860, 0.0397105403]
    #expect(zip(model.forward("noether"), expected).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(abs(try model.learn("noether", 1) - 1.0002400875) < 1e-6)
    for (entry, norm) in zip(model.layout.entries, [0.30242988, 0.23327024, 0.82689553, 0.77430594]) {
      let found = model.gradients[entry.range].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(abs(found - norm) < 1e-6 * norm + 1e-7, "\(entry.name)")
    }
  }

  /// Of every parameter, against central differences.
  @Test func `has the gradient of its loss`() throws {
    let model = NameClassifier(hidden: 5, languages: 3, seed: 1)
    _ = try model.learn("kovalevskaya", 2)
    let gradients = model.gradients
    for index in model.parameters.indices {
      let start = model.parameters[index]
      func loss(_ step: Float) throws -> Double {
        model.parameters[index] = start + step
        return try model.learn("kovalevskaya", 2)
      }
      let slope = (try loss(0.01) - loss(-0.01)) / 0.02
      model.parameters[index] = start
      #expect(abs(slope - Double(gradients[index])) < 1e-4, "parameter \(index)")
    }
  }

  @Test func `learns with the library's optimizer`() throws {
    let (model, losses) = try learnNames()
    #expect(losses[0] > 0.9 && losses[59] < 0.1)
    for (name, language) in [("rossi", 0), ("ivanov", 1), ("tanaka", 2)] {
      let outputs = model.forward(name)
      #expect(outputs.indices.max { outputs[$0] < outputs[$1] } == language, "\(name)")
    }
  }
}
