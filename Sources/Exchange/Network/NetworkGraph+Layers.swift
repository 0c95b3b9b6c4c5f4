import Recurrent

extension NetworkGraph {
  /// A recurrent layer over `[T, B, I]`: what its directions give, `[T, B, D·W]`, and its final states, `[D, B, W]`.
  mutating func addLayer(_ layer: Int, _ input: String) -> LayerValues {
    let states = initialStates(layer)
    if network.needsOwnSteps { return addSteps(layer, input, states) }
    let place = OperatorLocation(
      module: "rnn", layer: layer, directions: network.directions, inputWidth: network.inputWidth(of: layer),
      hidden: network.hiddenSize(of: layer))
    return addOperator(place, input, lengths: lengths?.short ?? "", states: states)
  }

  /// By ONNX's own operator.
  /// - lengths, states: "" for none.
  mutating func addOperator(_ place: OperatorLocation, _ input: String, lengths: String, states: [String])
    -> LayerValues
  {
    let cell = CellDescription(network)
    let (hidden, directions) = (place.hidden, place.directions)
    let peepholes = cell.peepholes == nil ? [] : [addPeepholes(place, cell)]
    // What no state is given for has an empty name where something follows.
    let initial = peepholes.isEmpty || !states.isEmpty ? states : ["", ""]
    var inputs = [input] + addWeights(place, cell) + [lengths] + initial + peepholes
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
    // [T, D, B, H]
    let values: String
    if directions == 1 {
      values = graph.add("Squeeze", [outputs[0], graph.integers([1])])
    } else {
      let beside = graph.add("Transpose", [outputs[0]], [("perm", .ints([0, 2, 1, 3]))])
      values = graph.add("Reshape", [beside, graph.integers([0, 0, directions * hidden])])
    }
    return LayerValues(values: values, states: Array(outputs.dropFirst()))
  }

  /// W `[D, G·H, I]`, R `[D, G·H, H]` and B `[D, 2·G·H]`, "" without biases, with gates in the operator's order.
  private mutating func addWeights(_ place: OperatorLocation, _ cell: CellDescription) -> [String] {
    let (hidden, directions) = (place.hidden, place.directions)
    let module = "\(place.module)_l\(place.layer)"
    let names = ["W", "R"] + (network.bias ? ["B"] : [])
    if graph.has("\(module).W") { return names.map { "\(module).\($0)" } + (network.bias ? [] : [""]) }
    func ordered(_ name: String, _ direction: Int) -> [Float] {
      let all = values(network.name(name, place.layer, direction, module: place.module))!
      let block = all.count / cell.gates.count
      return cell.onnx.gateOrder.flatMap { all[$0 * block..<($0 + 1) * block] }
    }
    func both(_ names: [String]) -> [Float] {
      (0..<directions).flatMap { direction in names.flatMap { ordered($0, direction) } }
    }
    let rows = cell.gates.count * hidden
    return [
      graph.add("\(module).W", [directions, rows, place.inputWidth], both(["weight_ih"])),
      graph.add("\(module).R", [directions, rows, hidden], both(["weight_hh"])),
      network.bias
        ? graph.add("\(module).B", [directions, 2 * rows], both(["bias_ih", "bias_hh"])) : "",
    ]
  }

  /// P `[D, 3·H]`, i o f.
  private mutating func addPeepholes(_ place: OperatorLocation, _ cell: CellDescription) -> String {
    let (order, hidden) = (cell.onnx.peepholeOrder, place.hidden)
    let weights = (0..<place.directions).flatMap { direction -> [Float] in
      let all = values(network.name("peephole", place.layer, direction, module: place.module))!
      return order.flatMap { all[$0 * hidden..<($0 + 1) * hidden] }
    }
    return graph.add(
      "\(place.module)_l\(place.layer).P", [place.directions, order.count * hidden], weights)
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

  /// Gives the final states out.
  mutating func addStates(_ states: [String], of layer: Int) {
    for (state, name) in zip(states, ["hn", "cn"]) {
      let width = name == "hn" ? network.width(of: layer) : network.hiddenSize(of: layer)
      graph.addOutput(
        state, as: "\(name)_l\(layer)", [.size(network.directions), .named("batch"), .size(width)])
    }
  }
}

/// What a layer gives: `[T, B, D·W]`, and h (and c) after each sequence's end, `[D, B, W]`.
struct LayerValues {
  let values: String
  let states: [String]
}

/// A layer that is an operator of ONNX.
struct OperatorLocation {
  /// Stands before its parameters' names.
  let module: String
  let layer, directions, inputWidth, hidden: Int
}

extension Network {
  /// Whether layers have what ONNX's recurrent operators have not. What is only dropped in training is no part of this.
  var needsOwnSteps: Bool { projectionSize > 0 || layerNorm || zoneout.hidden > 0 || zoneout.cell > 0 }

  /// PyTorch's name of a parameter of a layer and direction.
  func name(_ parameter: String, _ layer: Int, _ direction: Int, module: String = "rnn") -> String {
    "\(module).\(parameter)_l\(layer)\(direction == 1 ? "_reverse" : "")"
  }
}
