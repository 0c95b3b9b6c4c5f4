import Recurrent

extension NetworkGraph {
  /// A recurrent layer over `[T, B, I]`: what its directions give, `[T, B, D·W]`.
  mutating func addLayer(_ layer: Int, _ input: String) -> String {
    network.needsOwnSteps ? addSteps(layer, input) : addOperator(layer, input)
  }

  /// By ONNX's own operator.
  private mutating func addOperator(_ layer: Int, _ input: String) -> String {
    let cell = CellDescription(network.cell)
    let (hidden, directions) = (network.hiddenSize(of: layer), network.directions)
    var inputs = [input] + addWeights(layer, cell)
    inputs.append(lengths?.short ?? "")
    inputs += initialStates(layer)
    while inputs.last == "" { inputs.removeLast() }
    var attributes: [(String, ONNXNode.Attribute)] = [
      ("direction", .string(directions == 2 ? "bidirectional" : "forward")), ("hidden_size", .int(hidden)),
    ]
    if cell.takesNonlinearity {
      let word = network.nonlinearity == .relu ? "Relu" : "Tanh"
      attributes.append(("activations", .strings([String](repeating: word, count: directions))))
    }
    if cell.onnx.linearBeforeReset { attributes.append(("linear_before_reset", .int(1))) }
    let outputs = graph.add(
      cell.onnx.operatorName, inputs, attributes, outputs: cell.hasCellState ? 3 : 2)
    if interface.carriesStates {
      for (state, name) in zip(outputs.dropFirst(), ["hn", "cn"]) {
        addState(state, as: "\(name)_l\(layer)", width: hidden)
      }
    }
    // [T, D, B, H]
    if directions == 1 { return graph.add("Squeeze", [outputs[0], graph.integers([1])]) }
    let beside = graph.add("Transpose", [outputs[0]], [("perm", .ints([0, 2, 1, 3]))])
    return graph.add("Reshape", [beside, graph.integers([0, 0, directions * hidden])])
  }

  /// W `[D, G·H, I]`, R `[D, G·H, H]` and B `[D, 2·G·H]`, "" without biases, with gates in the operator's order.
  private mutating func addWeights(_ layer: Int, _ cell: CellDescription) -> [String] {
    let (hidden, directions) = (network.hiddenSize(of: layer), network.directions)
    func ordered(_ name: String, _ direction: Int) -> [Float] {
      let all = values(network.name(name, layer, direction))!
      let block = all.count / cell.gates.count
      return cell.onnx.gateOrder.flatMap { all[$0 * block..<($0 + 1) * block] }
    }
    func both(_ names: [String]) -> [Float] {
      (0..<directions).flatMap { direction in names.flatMap { ordered($0, direction) } }
    }
    let rows = cell.gates.count * hidden
    let (module, input) = ("rnn_l\(layer)", network.inputWidth(of: layer))
    return [
      graph.add("\(module).W", [directions, rows, input], both(["weight_ih"])),
      graph.add("\(module).R", [directions, rows, hidden], both(["weight_hh"])),
      network.bias
        ? graph.add("\(module).B", [directions, 2 * rows], both(["bias_ih", "bias_hh"])) : "",
    ]
  }

  /// h0, and of a cell with c c0, `[D, B, W]`: inputs, or learned, or "" for zero.
  mutating func initialStates(_ layer: Int) -> [String] {
    var states = [("h0", network.width(of: layer))]
    if network.cell.hasCellState { states.append(("c0", network.hiddenSize(of: layer))) }
    return states.map { name, width in
      if interface.carriesStates {
        return graph.addInput(
          "\(name)_l\(layer)", .float, [.size(network.directions), .named("batch"), .size(width)])
      }
      guard network.learnedInitialState else { return "" }
      let learned = (0..<network.directions).flatMap { values(network.name(name, layer, $0))! }
      let start = graph.add("rnn_l\(layer).\(name)", [network.directions, 1, width], learned)
      let shape = graph.add(
        "Concat", [graph.integers([1]), batch, graph.integers([1])], [("axis", .int(0))])
      return graph.add("Expand", [start, shape])
    }
  }

  /// A state `[D, B, W]` as an output.
  mutating func addState(_ state: String, as name: String, width: Int) {
    graph.addOutput(
      state, as: name, [.size(network.directions), .named("batch"), .size(width)])
  }
}

extension Architecture {
  /// Whether layers have what ONNX's recurrent operators have not. What is only dropped in training is no part of this.
  var needsOwnSteps: Bool { projectionSize > 0 || layerNorm || zoneout.hidden > 0 || zoneout.cell > 0 }

  /// PyTorch's name of a parameter of a layer and direction.
  func name(_ parameter: String, _ layer: Int, _ direction: Int) -> String {
    "rnn.\(parameter)_l\(layer)\(direction == 1 ? "_reverse" : "")"
  }
}
