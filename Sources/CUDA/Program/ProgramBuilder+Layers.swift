import Recurrent

extension ProgramBuilder {
  var gates: Int { cell.gates.count }

  /// One direction of one layer: where its parameters and what it keeps lie.
  struct Direction {
    let layer: Int
    let reverse: Bool
    let inputWidth: Int
    /// H
    let hidden: Int
    /// G·H
    let columns: Int
    /// Outputs of this direction, and from one row of the layer's outputs to the next.
    let width, stride: Int
    let inputWeight, recurrentWeight: Int
    let inputBias, recurrentBias: Int?
    /// Gates `[T, B, G·H]`; with a gated product also what the recurrent product gives, of the same size; c `[T, B, H]`.
    let gates: Region
    let recurrent: Region?
    let cells: Region?
    /// This direction's columns of the layer's outputs `[T, B, stride]`.
    let output: Region
    /// Where the first step begins; nil for zero.
    let initial: Initial?
    /// `[B, width]` and `[B, H]`.
    let dHidden, dCell: Region

    /// Floats before this direction's columns.
    var offset: Int { reverse ? width : 0 }
    /// The end of its names.
    var suffix: String { "_l\(layer)\(reverse ? "_reverse" : "")" }
  }

  mutating func direction(_ layer: Int, _ index: Int) -> Direction {
    let suffix = "_l\(layer)\(index == 1 ? "_reverse" : "")"
    func start(_ name: String) -> Int? { layout["rnn.\(name)\(suffix)"]?.range.lowerBound }
    let (hidden, width) = (network.hiddenSize(of: layer), network.width(of: layer))
    return Direction(
      layer: layer, reverse: index == 1, inputWidth: network.inputWidth(of: layer), hidden: hidden,
      columns: gates * hidden, width: width, stride: stride(layer), inputWeight: start("weight_ih")!,
      recurrentWeight: start("weight_hh")!, inputBias: start("bias_ih"), recurrentBias: start("bias_hh"),
      gates: buffer("gates\(suffix)", room * gates * hidden),
      recurrent: cell.gatedProduct != nil ? buffer("recurrent\(suffix)", room * gates * hidden) : nil,
      cells: cell.hasCellState ? buffer("cells\(suffix)", room * hidden) : nil,
      output: outputs(layer).advanced(index * width), initial: initial(layer, index),
      dHidden: buffer("d_hidden\(suffix)", capacity * width),
      dCell: buffer("d_cell\(suffix)", capacity * hidden))
  }

  /// From one row of a layer's outputs to the next: D·width.
  func stride(_ layer: Int) -> Int { network.directions * network.width(of: layer) }

  mutating func outputs(_ layer: Int) -> Region { buffer("outputs_l\(layer)", room * stride(layer)) }

  /// Whether masks lie between this layer and the next.
  func drops(_ layer: Int) -> Bool {
    network.dropout > 0 && layer < network.layers - 1 && trains
  }

  /// Whether what a layer reads is added to what it gives.
  func addsInput(_ layer: Int) -> Bool { network.residual && layer > 0 }

  /// What a layer gives to those above it, before dropout.
  mutating func result(_ layer: Int) -> Region {
    addsInput(layer) ? buffer("sums_l\(layer)", room * stride(layer)) : outputs(layer)
  }

  /// What a layer reads.
  mutating func input(of layer: Int) -> Region {
    if layer == 0 { return networkInput }
    return drops(layer - 1) ? buffer("dropped_l\(layer - 1)", room * stride(layer - 1)) : result(layer - 1)
  }

  // MARK: Forward

  /// All layers and directions. Returns what the head reads.
  mutating func forwardLayers(_ engine: some LayerEngine) -> Region {
    writeNetworkInput()
    guard network.cell != .none else {
      return readoutForward(networkInput, directions: 1, width: network.inputSize)
    }
    for layer in 0..<network.layers {
      let directions = (0..<network.directions).map { direction(layer, $0) }
      for d in directions { takeInitial(d) }
      engine.forward(layer, directions, &self)
      for d in directions { keepFinal(d) }
      if addsInput(layer) {
        add(outputs(layer), input(of: layer), to: result(layer), steps * batch * stride(layer))
      }
      if drops(layer) { dropout(result(layer), to: input(of: layer + 1), after: layer) }
    }
    return readout(result(network.layers - 1))
  }

  private mutating func readout(_ top: Region) -> Region {
    let layer = network.layers - 1
    let last = top.advanced((steps - 1) * batch * stride(layer))
    switch network.readout {
    case .everyStep: return top
    case .lastStep where !hasLengths: return last
    case .finalState where !network.bidirectional && !hasLengths: return last
    case .lastStep, .finalState, .allSteps:
      return readoutForward(top, directions: network.directions, width: network.width(of: layer))
    }
  }

  /// The input's products of all steps at once.
  mutating func project(_ d: Direction) { project(d, to: d.gates) }

  mutating func project(_ d: Direction, to products: Region) {
    product(
      matrix(input(of: d.layer), d.inputWidth),
      matrix(parameter(d.inputWeight), d.inputWidth, transposed: true), to: products, stride: d.columns,
      steps * batch, d.columns, depth: d.inputWidth)
  }

  // MARK: Backward

  /// What an engine's walk back over a layer leaves to be done.
  struct LayerGradients {
    /// To the gradient of what the layer read, which the layer below waits for.
    let input: [StepProgram.Operation]
    /// Lists to those of its parameters, which need nothing from one another and nobody waits for.
    let weights: [[StepProgram.Operation]]
  }

  /// Of an engine that leaves the gates' gradients where the gates were.
  mutating func gradients(_ directions: [Direction]) -> LayerGradients {
    LayerGradients(
      input: inputGradients(directions, directions.map(\.gates)),
      weights: directions.flatMap { weightGradients($0) })
  }

  /// The same of layers with options.
  mutating func gradients(_ stepwise: [StepwiseDirection]) -> LayerGradients {
    LayerGradients(
      input: inputGradients(stepwise.map(\.d), stepwise.map(\.dInputGates)),
      weights: stepwise.flatMap { weightGradients($0) })
  }

  /// Back-propagation through time from the gradient of what the head read; nil where nobody needs it.
  ///
  /// Layer by layer from the top. Weights' gradients are formed while the layers below go on, where they are not to leave before
  /// those: then a part ends with each layer.
  mutating func backwardLayers(_ dRead: Region?, _ engine: some LayerEngine) {
    guard network.cell != .none, let dRead else { return }
    let top = network.layers - 1
    var dOutput = dRead
    if network.readout != .everyStep {
      dOutput = dOutputs(below: network.layers)
      readoutBackward(
        dRead, to: dOutput, directions: network.directions, width: network.width(of: top))
    }
    var levels: [(walk: [StepProgram.Operation], left: LayerGradients)] = []
    for layer in (0...top).reversed() {
      let directions = (0..<network.directions).map { direction(layer, $0) }
      var left = LayerGradients(input: [], weights: [])
      let walk = written { left = engine.backward(layer, directions, dOutput, &$0) }
      left = withConnections(below: layer, left, dOutput)
      dOutput = dOutputs(below: layer)
      guard isCut else {
        levels.append((walk, left))
        continue
      }
      operations += walk
      parallel([left.input] + left.weights)
      cut(from: directions[0].inputWeight)
    }
    let embedding = written { $0.backwardInput(dOutput) }
    operations += levels.reversed().reduce(embedding) { below, level in
      level.walk + together([level.left.input + below] + level.left.weights)
    }
  }

  /// With what lies between the layer and the one below: the residual connection, then the masks.
  private mutating func withConnections(below layer: Int, _ left: LayerGradients, _ dOutput: Region)
    -> LayerGradients
  {
    guard layer > 0 else { return left }
    let between = written { b in
      let below = b.dOutputs(below: layer)
      if b.addsInput(layer) {
        b.add(below, dOutput, to: below, b.steps * b.batch * b.stride(layer))
      }
      if b.drops(layer - 1) { b.dropout(below, to: below, after: layer - 1) }
    }
    return LayerGradients(input: left.input + between, weights: left.weights)
  }

  /// The gradient of what a layer reads; layers take turns.
  mutating func dOutputs(below layer: Int) -> Region {
    guard layer > 0 else { return buffer("d_inputs", room * network.inputWidth) }
    let widest = (0..<network.layers).map { stride($0) }.max()!
    return buffer("d_outputs_\((network.layers - layer) % 2)", room * widest)
  }

  /// The gradient of what a layer reads; of the first one only where there is an embedding below.
  private mutating func inputGradients(_ directions: [Direction], _ dGates: [Region]) -> [StepProgram
    .Operation]
  {
    let layer = directions[0].layer
    guard layer > 0 || network.embedding != nil else { return [] }
    return written { b in
      let below = b.dOutputs(below: layer)
      for (d, dGates) in zip(directions, dGates) { b.inputGradient(d, dGates, to: below) }
    }
  }

  // MARK: Parts

  var relu: Int { (network.nonlinearity == .relu).flag }

  mutating func add(_ x: Region, _ other: Region, to y: Region, _ count: Int) {
    each(count, .add(x: x, other: other, y: y, count: count))
  }
}
