import Recurrent

/// Layers with a projection, layer norm or zoneout, step by step: ONNX's `Scan` over the equations of the cell.
extension NetworkGraph {
  /// - states: at the start, `[D, B, W]`; "" for zero.
  mutating func addSteps(_ layer: Int, _ input: String, _ states: [String]) -> LayerValues {
    var (outputs, finals): ([String], [[String]]) = ([], [])
    for direction in 0..<network.directions {
      let isReverse = direction == 1
      // Where sequences have lengths of their own, each is turned by itself, and what lies after it stays there.
      let turned = isReverse && lengths != nil ? reversed(input) : input
      let starts = states.enumerated().map { index, state in
        start(state, direction, width: index == 0 ? network.width(of: layer) : network.hiddenSize(of: layer))
      }
      let product = StepProduct("ih", layer, direction, in: &self).add(to: &graph, turned)
      var body = StepGraph(layer, direction, in: &self)
      body.write()
      let backward = isReverse && lengths == nil ? 1 : 0
      let results = graph.add(
        "Scan", starts + [product],
        [
          ("body", .graph(body.graph)), ("num_scan_inputs", .int(1)),
          ("scan_input_directions", .ints([backward])), ("scan_output_directions", .ints([backward])),
        ], outputs: starts.count + 1)
      let output = results[results.count - 1]
      outputs.append(isReverse && lengths != nil ? reversed(output) : output)
      finals.append(results.dropLast().map { graph.add("Unsqueeze", [$0, graph.integers([0])]) })
    }
    let final = states.indices.map { index in joined(finals.map { $0[index] }, axis: 0) }
    return LayerValues(values: joined(outputs, axis: 2), states: final)
  }

  private mutating func joined(_ parts: [String], axis: Int) -> String {
    parts.count == 1 ? parts[0] : graph.add("Concat", parts, [("axis", .int(axis))])
  }

  private mutating func reversed(_ values: String) -> String {
    graph.add(
      "ReverseSequence", [values, lengths!.long], [("batch_axis", .int(1)), ("time_axis", .int(0))])
  }

  /// A direction's state at the start, `[B, W]`.
  private mutating func start(_ states: String, _ direction: Int, width: Int) -> String {
    if !states.isEmpty {
      return graph.add("Gather", [states, graph.integer(direction)], [("axis", .int(0))])
    }
    return zeros(width)
  }

  /// `[B, width]`
  mutating func zeros(_ width: Int) -> String {
    let zero = graph.add("zero_\(width)", [1, width], [Float](repeating: 0, count: width))
    let shape = graph.add("Concat", [batch, graph.integers([1])], [("axis", .int(0))])
    return graph.add("Expand", [zero, shape])
  }
}
