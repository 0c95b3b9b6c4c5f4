// example begins: YourOwnCell.md
import Recur

/// A letter x and the state h go through two linear layers: h' = i2h(cat(x, h)), o = i2o(cat(x, h)).
final class NameClassifier {
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
    // The bits of `torch.manual_seed(seed)` and two `nn.Linear`.
    parameters = layout.initialized(seed: seed)
    gradients = parameters.map { _ in 0 }
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
  func learn(_ name: String, _ language: Int32) throws -> Double {
    let (total, dOutput) = try Loss.crossEntropy().evaluate(forward(name), classes: [language])
    backward(dOutput)
    return total.sum
  }
}

/// Learns six names by heart.
func learnNames(epochs: Int = 60) throws -> (model: NameClassifier, losses: [Double]) {
  let names: [(String, Int32)] = [
    ("rossi", 0), ("bianchi", 0), ("ivanov", 1), ("petrov", 1), ("yamada", 2), ("tanaka", 2),
  ]
  let model = NameClassifier(hidden: 16, languages: 3, seed: 3)
  let optimizer = Optimizer(.adam(learningRate: 0.01), count: model.layout.count)
  var losses: [Double] = []
  for _ in 0..<epochs {
    model.gradients = model.gradients.map { _ in 0 }
    losses.append(try names.reduce(0) { $0 + (try model.learn($1.0, $1.1)) } / Double(names.count))
    try optimizer.update(&model.parameters, gradients: model.gradients, scale: 1 / Float(names.count))
  }
  return (model, losses)
}
// example ends
