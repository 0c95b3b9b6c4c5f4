import Foundation
import Recurrent

/// The forward pass in double, one sample and one step at a time, with the equations of the cell's description: what the engine's
/// gradients are checked against by finite differences.
struct DoubleNetwork {
  let network: Network
  let layout: ParameterLayout
  var parameters: [Double]
  private let weights: [String: Range<Int>]

  init(_ network: Network, parameters: some Sequence<Float>) {
    self.network = network
    layout = ParameterLayout(network)
    self.parameters = parameters.map(Double.init)
    weights = Dictionary(uniqueKeysWithValues: layout.entries.map { ($0.name, $0.range) })
  }

  /// - inputs: `[T, B, F]`. codes: `[T, B, C]`.
  /// - Returns: `[outputRows, outputSize]`.
  func forward(_ inputs: [Float], codes: [Int32] = [], batch: Int) -> [Double] {
    let a = network
    let samples = (0..<batch).map { b in
      (0..<a.steps).map { t in
        let start = (t * batch + b) * a.inputSize
        return inputs[start..<start + a.inputSize].map(Double.init) + vectors(codes, row: t * batch + b)
      }
    }
    let rows = samples.map { sample in readout(sample).map(head) }
    // every_step is time-major: all samples of a step lie together.
    return rows[0].indices.flatMap { t in rows.flatMap { $0[t] } }
  }

  /// Of the categories of one row of a batch.
  private func vectors(_ codes: [Int32], row: Int) -> [Double] {
    network.categories.enumerated().flatMap { column, table in
      let code = Int(codes[row * network.categories.count + column])
      let start = weights["category_embeddings.\(column).weight"]!.lowerBound + code * table.width
      return parameters[start..<start + table.width]
    }
  }

  /// What the head reads for one sample: one row, or a row for each step.
  private func readout(_ sample: [[Double]]) -> [[Double]] {
    guard network.cell != .none else { return [sample.flatMap { $0 }] }
    var outputs = sample
    var last: [[Double]] = []
    for layer in 0..<network.layers {
      let forward = run(layer, 0, outputs)
      guard network.bidirectional else {
        (outputs, last) = (forward, [forward.last!])
        continue
      }
      let backward = Array(run(layer, 1, outputs.reversed()).reversed())
      last = [forward.last!, backward.first!]
      outputs = zip(forward, backward).map { $0 + $1 }
    }
    switch network.readout {
    case .lastStep: return [outputs.last!]
    case .finalState: return [last.flatMap { $0 }]
    case .allSteps: return [outputs.flatMap { $0 }]
    case .everyStep: return outputs
    }
  }

  /// One direction of a layer from a zero state: h for each step.
  private func run(_ layer: Int, _ direction: Int, _ steps: [[Double]]) -> [[Double]] {
    let reference = ReferenceLayer(network, layer: layer, direction: direction, layout, parameters)
    var state = reference.zero
    return steps.map { x in
      state = reference.step(x, state)
      return state.hidden
    }
  }

  private func head(_ row: [Double]) -> [Double] {
    let linears = network.head.count { if case .linear = $0 { true } else { false } }
    var index = 0
    return network.head.reduce(row) { x, layer in
      switch layer {
      case .linear:
        index += 1
        let name = index == linears ? "fc" : "fc\(index - 1)"
        return affine("\(name).weight", "\(name).bias", x)
      case .relu: return x.map { max($0, 0) }
      case .tanh: return x.map { tanh($0) }
      case .sigmoid: return x.map(sigmoid)
      case .dropout: return x
      }
    }
  }

  /// W x + b, without b where there is none.
  private func affine(_ weight: String, _ bias: String, _ x: [Double]) -> [Double] {
    let w = weights[weight]!
    let b = weights[bias]
    return (0..<w.count / x.count).map { row in
      var sum = b.map { parameters[$0.lowerBound + row] } ?? 0
      for k in x.indices { sum += parameters[w.lowerBound + row * x.count + k] * x[k] }
      return sum
    }
  }
}

private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

extension Loss {
  /// The summed loss and its weight in double.
  func doubleTotal(_ outputs: [Double], rows: Int, width: Int, values: [Float], classes: [Int32]) -> Total {
    func overElements(_ term: (Double, Double) -> Double) -> Total {
      Total(
        sum: zip(outputs, values).reduce(0) { $0 + term($1.0, Double($1.1)) }, weight: Double(rows * width))
    }
    switch self {
    case .mse: return overElements { ($0 - $1) * ($0 - $1) }
    case .mae: return overElements { abs($0 - $1) }
    case .huber(let delta):
      let delta = Double(delta)
      return overElements {
        let e = abs($0 - $1)
        return e <= delta ? e * e / 2 : delta * (e - delta / 2)
      }
    case .bceWithLogits: return overElements { max($0, 0) - $0 * $1 + log1p(exp(-abs($0))) }
    case .crossEntropy(let ignoreIndex, let classWeights, let smoothing):
      var total = Total()
      for row in 0..<rows where classes[row] != ignoreIndex {
        let logits = outputs[row * width..<(row + 1) * width]
        let logSum = log(logits.reduce(0) { $0 + exp($1) })
        let losses = logits.map { logSum - $0 }
        let weight = { (k: Int) in Double(classWeights?[k] ?? 1) }
        let target = Int(classes[row])
        let smooth = losses.indices.reduce(0) { $0 + weight($1) * losses[$1] } / Double(width)
        total.sum += (1 - Double(smoothing)) * weight(target) * losses[target] + Double(smoothing) * smooth
        total.weight += weight(target)
      }
      return total
    case .quantile, .gaussianNLL, .studentT, .poisson, .negativeBinomial:
      preconditionFailure("its numbers are in LossTests")
    }
  }
}
