import Recurrent

/// A decoder of numbers: a step for each horizon, one written after the other, since their number is fixed. `NumberSteps` has the rules.
extension NetworkGraph {
  /// - values: what the encoder gave, `[T, B, W]`.
  /// - states: of each of its layers the final states, `[D, B, H]`.
  /// - Returns: `[B, steps · width]`
  mutating func addDecoder(_ numbers: Network.Decoder.Numbers, _ values: String, _ states: [[String]])
    -> String
  {
    // Each layer starts from the encoder's of its number, both directions side by side.
    var states = states.map { $0.map { besideEachOther($0) } }
    let memory = attentionMemory(values)
    // Without numbers nothing reads it.
    let last = rows.isEmpty ? "" : graph.add("Gather", [rows, graph.integer(-1)], [("axis", .int(1))])
    var before = start(numbers, last)
    var outputs: [String] = []
    for step in 0..<numbers.steps {
      var x = before
      let known = numbers.known.count / numbers.steps
      if known > 0 {
        let first = numbers.known.lowerBound + step * known
        x = graph.add("Concat", [x, columns(last, first..<first + known)], [("axis", .int(1))])
      }
      x = graph.add("Unsqueeze", [x, graph.integers([0])])
      for layer in 0..<network.layers {
        let place = OperatorLocation(
          module: "decoder", layer: layer, directions: 1,
          inputWidth: layer == 0 ? numbers.inputSize : network.outputWidth, hidden: network.outputWidth)
        let given = addOperator(place, x, lengths: "", states: states[layer])
        (x, states[layer]) = (given.values, given.states)
      }
      let query = graph.add("Squeeze", [x, graph.integers([0])])
      let output = addHead(memory.map { attended(query, $0) } ?? query)
      outputs.append(output)
      if step < numbers.steps - 1 { before = point(output, numbers) }
    }
    return outputs.count == 1 ? outputs[0] : graph.add("Concat", outputs, [("axis", .int(1))])
  }

  /// `[D, B, H]` → `[1, B, D·H]`
  mutating func besideEachOther(_ state: String) -> String {
    if network.directions == 1 { return state }
    let turned = graph.add("Transpose", [state], [("perm", .ints([1, 0, 2]))])
    return graph.add("Reshape", [turned, graph.integers([1, -1, network.outputWidth])])
  }

  /// What the first step reads in the place of each number before it, `[B, targets]`: columns of the window's last row, else 0.
  private mutating func start(_ numbers: Network.Decoder.Numbers, _ last: String) -> String {
    let starts = (0..<numbers.targets).map { $0 < numbers.starts.count ? numbers.starts[$0] : nil }
    let parts = starts.map { column in column.map { columns(last, $0..<$0 + 1) } ?? zeros(1) }
    return parts.count == 1 ? parts[0] : graph.add("Concat", parts, [("axis", .int(1))])
  }

  /// What the next step reads of this one's outputs, `[B, targets]`.
  private mutating func point(_ output: String, _ numbers: Network.Decoder.Numbers) -> String {
    let (loss, each) = (numbers.loss, numbers.loss.outputsPerTarget)
    switch loss {
    case .mse, .mae, .huber, .crossEntropy: return output
    case .bceWithLogits: return graph.add("Sigmoid", [output])
    case .poisson, .negativeBinomial, .gaussianNLL, .studentT, .quantile: break
    }
    var cut = graph.add("Reshape", [output, graph.integers([0, numbers.targets, each])])
    if case .quantile(let levels) = loss {
      cut = sorted(cut, each)
      let shares = graph.add("median", [each, 1], Self.medianShares(levels))
      return graph.add("Squeeze", [graph.add("MatMul", [cut, shares]), graph.integers([2])])
    }
    let first = graph.add("Gather", [cut, graph.integer(0)], [("axis", .int(2))])
    guard loss.takesCounts else { return first }
    let one = graph.add("one", [1], [1])
    return graph.add("Log", [graph.add("Add", [graph.add("Softplus", [first]), one])])
  }

  /// How much of each quantile the median is: on the line between its neighbours, or the nearest.
  static func medianShares(_ levels: [Double]) -> [Float] {
    var shares = [Float](repeating: 0, count: levels.count)
    guard let next = levels.firstIndex(where: { $0 >= 0.5 }) else {
      shares[levels.count - 1] = 1
      return shares
    }
    guard next > 0, levels[next] > 0.5 else {
      shares[next] = 1
      return shares
    }
    let share = (0.5 - levels[next - 1]) / (levels[next] - levels[next - 1])
    (shares[next - 1], shares[next]) = (Float(1 - share), Float(share))
    return shares
  }
}
