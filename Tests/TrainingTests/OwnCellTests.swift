import Recurrent
import TestSupport
import Testing
import Training

/// The cell of PyTorch's tutorial "Classifying names with a character-level RNN" (its first version), which is none of this
/// library's: a letter x and the state h go through two linear layers, h' = i2h(cat(x, h)) and o = i2o(cat(x, h)), with one bias each
/// and no nonlinearity. A page of a user's code: the library has parameters, their start, loss and optimizer.
private final class NameClassifier {
  let letters = 26
  let hidden, languages: Int
  let layout: ParameterLayout
  var parameters: [Float]
  var gradients: [Float]
  /// cat(x, h) of each step of the last name.
  private var combined: [[Float]] = []

  init(hidden: Int, languages: Int, seed: UInt64) {
    (self.hidden, self.languages) = (hidden, languages)
    let width = letters + hidden
    var layout = ParameterLayout()
    for (name, outputs) in [("i2h", hidden), ("i2o", languages)] {
      layout.add("\(name).weight", [outputs, width])
      layout.add("\(name).bias", [outputs])
    }
    self.layout = layout
    parameters = [Float](repeating: 0, count: layout.count)
    gradients = parameters
    // The bits of `torch.manual_seed(seed)` and two `nn.Linear`.
    let nothingElse = Network(.none, inputs: width, steps: 1, head: [])
    parameters.withUnsafeMutableBufferPointer {
      layout.initialize($0, network: nothingElse, seed: seed)
    }
  }

  /// What the name's last letter gives: a number for each language.
  func forward(_ name: String) -> [Float] {
    combined = []
    var (h, output) = ([Float](repeating: 0, count: hidden), [Float]())
    for letter in name.utf8 {
      var x = [Float](repeating: 0, count: letters)
      x[Int(letter) - 97] = 1
      combined.append(x + h)
      (h, output) = (linear("i2h", x + h), linear("i2o", x + h))
    }
    return output
  }

  /// Adds the gradients, from the last letter to the first; given that of what `forward` returned.
  func backward(_ dOutput: [Float]) {
    var d = linearBack("i2o", combined[combined.count - 1], dOutput)
    for x in combined.dropLast().reversed() { d = linearBack("i2h", x, Array(d[letters...])) }
  }

  private func linear(_ name: String, _ x: [Float]) -> [Float] {
    let (w, b) = (layout["\(name).weight"]!.range, layout["\(name).bias"]!.range)
    return b.indices.map { row in
      var sum = parameters[row]
      let start = w.lowerBound + (row - b.lowerBound) * x.count
      for k in x.indices { sum += parameters[start + k] * x[k] }
      return sum
    }
  }

  /// The gradient of x.
  private func linearBack(_ name: String, _ x: [Float], _ dOutput: [Float]) -> [Float] {
    let (w, b) = (layout["\(name).weight"]!.range, layout["\(name).bias"]!.range)
    var dx = [Float](repeating: 0, count: x.count)
    for (row, d) in dOutput.enumerated() {
      gradients[b.lowerBound + row] += d
      for k in x.indices {
        gradients[w.lowerBound + row * x.count + k] += d * x[k]
        dx[k] += d * parameters[w.lowerBound + row * x.count + k]
      }
    }
    return dx
  }

  /// The loss of one name; its gradients are added.
  func learn(_ name: String, _ language: Int32) -> Double {
    let outputs = forward(name)
    var dOutput = outputs
    let total = Loss.crossEntropy().evaluate(
      outputs: outputs, rows: 1, width: languages, values: [], classes: [language], gradient: &dOutput)
    backward(dOutput)
    return total.sum
  }
}

@Suite("A cell of one's own") struct OwnCellTests {
  /// PyTorch's numbers of the tutorial's module with 8 hidden units and 3 languages after `torch.manual_seed(42)`.
  @Test func `gives PyTorch's outputs, loss and gradients`() {
    let model = NameClassifier(hidden: 8, languages: 3, seed: 42)
    let expected: [Float] = [0.0209562033, 0.1818198860, 0.0397105403]
    #expect(zip(model.forward("noether"), expected).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(abs(model.learn("noether", 1) - 1.0002400875) < 1e-6)
    for (entry, norm) in zip(model.layout.entries, [0.30242988, 0.23327024, 0.82689553, 0.77430594]) {
      let found = model.gradients[entry.range].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(abs(found - norm) < 1e-6 * norm + 1e-7, "\(entry.name)")
    }
  }

  /// Of every parameter, against central differences.
  @Test func `has the gradient of its loss`() {
    let model = NameClassifier(hidden: 5, languages: 3, seed: 1)
    _ = model.learn("kovalevskaya", 2)
    let gradients = model.gradients
    for index in model.parameters.indices {
      let start = model.parameters[index]
      func loss(_ step: Float) -> Double {
        model.parameters[index] = start + step
        return model.learn("kovalevskaya", 2)
      }
      let slope = (loss(0.01) - loss(-0.01)) / 0.02
      model.parameters[index] = start
      #expect(abs(slope - Double(gradients[index])) < 1e-4, "parameter \(index)")
    }
  }

  @Test func `learns with the library's optimizer`() {
    let names: [(String, Int32)] = [
      ("rossi", 0), ("bianchi", 0), ("ivanov", 1), ("petrov", 1), ("yamada", 2), ("tanaka", 2),
    ]
    let model = NameClassifier(hidden: 16, languages: 3, seed: 3)
    let optimizer = Optimizer(OptimizerSpecification(.adam()), count: model.layout.count)
    var losses: [Double] = []
    for _ in 0..<60 {
      model.gradients = model.gradients.map { _ in 0 }
      losses.append(names.reduce(0) { $0 + model.learn($1.0, $1.1) } / Double(names.count))
      model.parameters.withUnsafeMutableBufferPointer { parameters in
        model.gradients.withUnsafeMutableBufferPointer { gradients in
          optimizer.update(
            parameters, gradients: gradients, scale: 1 / Float(names.count), learningRate: 0.01)
        }
      }
    }
    #expect(losses[0] > 0.9 && losses[59] < 0.1)
    for (name, language) in names {
      let outputs = model.forward(name)
      #expect(outputs.indices.max { outputs[$0] < outputs[$1] } == Int(language), "\(name)")
    }
  }
}
