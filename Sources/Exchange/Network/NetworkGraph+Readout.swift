import Recurrent

extension NetworkGraph {
  /// What the head reads of the last layer, from `[T, B, W]`: `[B, W]`, `[B, T·W]` or `[B, T, W]`.
  mutating func addReadout(_ values: String) -> String {
    switch network.readout {
    case .lastStep: return lastRow(values)
    case .finalState:
      let last = lastRow(values)
      if network.directions == 1 { return last }
      // The second direction ends at the first step.
      let first = graph.add("Gather", [values, graph.integer(0)], [("axis", .int(0))])
      let half = network.outputWidth / 2
      return graph.add(
        "Concat", [columns(last, 0..<half), columns(first, half..<2 * half)], [("axis", .int(1))])
    case .allSteps:
      return graph.add("Reshape", [batchFirst(values), graph.integers([0, -1])])
    case .everyStep: return batchFirst(values)
    }
  }

  private mutating func batchFirst(_ values: String) -> String {
    graph.add("Transpose", [values], [("perm", .ints([1, 0, 2]))])
  }

  /// `[…, columns]` of `[B, width]`.
  mutating func columns(_ values: String, _ range: Range<Int>) -> String {
    graph.add(
      "Slice",
      [
        values, graph.integers([range.lowerBound]), graph.integers([range.upperBound]), graph.integers([1]),
      ])
  }

  /// Each sequence's own last row.
  private mutating func lastRow(_ values: String) -> String {
    guard let lengths else {
      return graph.add("Gather", [values, graph.integer(-1)], [("axis", .int(0))])
    }
    let last = graph.add("Sub", [lengths.long, graph.integers([1])])
    let places = graph.add("Unsqueeze", [last, graph.integers([1])])
    return graph.add("GatherND", [batchFirst(values), places], [("batch_dims", .int(1))])
  }

  /// The layers of the head over the last axis; dropout leaves nothing behind.
  mutating func addHead(_ input: String) -> String {
    let linears = network.head.filter { if case .linear = $0 { true } else { false } }.count
    var (values, index) = (input, 0)
    for layer in network.head {
      switch layer {
      case .linear:
        values = addLinear(values, ParameterLayout.linearName(index, of: linears))
        index += 1
      case .relu: values = graph.add("Relu", [values])
      case .tanh: values = graph.add("Tanh", [values])
      case .sigmoid: values = graph.add("Sigmoid", [values])
      case .dropout: break
      }
    }
    return values
  }

  private mutating func addLinear(_ input: String, _ name: String) -> String {
    // A tied one has the embedding's weight.
    let weight = parameter("\(name).weight") ?? parameter("embedding.weight")!
    let bias = parameter("\(name).bias")
    if !network.readsEveryStep {
      return graph.add("Gemm", [input, weight] + (bias.map { [$0] } ?? []), [("transB", .int(1))])
    }
    let turned = graph.add("Transpose", [weight], [("perm", .ints([1, 0]))])
    let product = graph.add("MatMul", [input, turned])
    return bias.map { graph.add("Add", [product, $0]) } ?? product
  }
}
