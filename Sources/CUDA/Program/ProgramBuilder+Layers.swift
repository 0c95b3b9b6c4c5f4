import Recurrent

extension ProgramBuilder {
  var hidden: Int { architecture.hiddenSize }
  var width: Int { architecture.outputWidth }
  var gates: Int { architecture.cell.gateCount }

  /// One direction of one layer: where its parameters and what it keeps lie.
  struct Direction {
    let layer: Int
    let reverse: Bool
    let inputWidth: Int
    let inputWeight, recurrentWeight: Int
    let inputBias, recurrentBias: Int?
    /// Gates `[T, B, gates·H]`; for GRU also what the recurrent product gives, of the same size; LSTM's cells `[T, B, H]`.
    let gates: Region
    let recurrent: Region?
    let cells: Region?
    /// `[B, H]` each.
    let dHidden, dCell: Region
  }

  mutating func direction(_ layer: Int, _ index: Int) -> Direction {
    let suffix = "_l\(layer)\(index == 1 ? "_reverse" : "")"
    func start(_ name: String) -> Int? { layout["rnn.\(name)\(suffix)"]?.range.lowerBound }
    let rows = steps * capacity
    let isGRU = architecture.cell == .gru
    return Direction(
      layer: layer, reverse: index == 1, inputWidth: layer == 0 ? architecture.inputSize : width,
      inputWeight: start("weight_ih")!, recurrentWeight: start("weight_hh")!, inputBias: start("bias_ih"),
      recurrentBias: start("bias_hh"), gates: buffer("gates\(suffix)", rows * gates * hidden),
      recurrent: isGRU ? buffer("recurrent\(suffix)", rows * gates * hidden) : nil,
      cells: architecture.cell == .lstm ? buffer("cells\(suffix)", rows * hidden) : nil,
      dHidden: buffer("d_hidden_\(index)", capacity * hidden),
      dCell: buffer("d_cell_\(index)", capacity * hidden))
  }

  mutating func outputs(_ layer: Int) -> Region {
    buffer("outputs_l\(layer)", steps * capacity * width)
  }

  /// Whether masks lie between this layer and the next.
  func drops(_ layer: Int) -> Bool {
    architecture.dropout > 0 && layer < architecture.layers - 1 && trains
  }

  /// What a layer reads.
  mutating func input(of layer: Int) -> Region {
    if layer == 0 { return place(.inputs) }
    return drops(layer - 1)
      ? buffer("dropped_l\(layer - 1)", steps * capacity * width) : outputs(layer - 1)
  }

  // MARK: Forward

  /// All layers and directions. Returns what the head reads.
  mutating func forwardLayers() -> Region {
    guard architecture.cell != .none else {
      return readoutForward(place(.inputs), all: true, directions: 1, hidden: architecture.inputSize)
    }
    for layer in 0..<architecture.layers {
      let directions = (0..<architecture.directions).map { direction(layer, $0) }
      engine.writer.forward(layer, directions, &self)
      if drops(layer) {
        dropout(outputs(layer), to: input(of: layer + 1), layer: UInt32(layer), architecture.dropout)
      }
    }
    let top = outputs(architecture.layers - 1)
    let last = top.advanced((steps - 1) * batch * width)
    switch architecture.readout {
    case .everyStep: return top
    case .lastStep: return last
    case .finalState where !architecture.bidirectional: return last
    case .finalState:
      return readoutForward(top, all: false, directions: architecture.directions, hidden: hidden)
    case .allSteps:
      return readoutForward(top, all: true, directions: architecture.directions, hidden: hidden)
    }
  }

  /// The input's products of all steps at once.
  mutating func project(_ d: Direction) {
    product(
      matrix(input(of: d.layer), d.inputWidth),
      matrix(parameter(d.inputWeight), d.inputWidth, transposed: true), to: d.gates, stride: gates * hidden,
      steps * batch, gates * hidden, depth: d.inputWidth)
  }

  // MARK: Backward

  /// Back-propagation through time from the gradient of what the head read; nil where nobody needs it.
  mutating func backwardLayers(_ dRead: Region?) {
    guard architecture.cell != .none, let dRead else { return }
    var dOutput = dRead
    if architecture.readout != .everyStep {
      dOutput = buffer("d_outputs_0", steps * capacity * width)
      let kind: Int32 =
        switch architecture.readout {
        case .lastStep, .everyStep: 0
        case .finalState: 1
        case .allSteps: 2
        }
      each(
        "readout_backward", steps * batch * width,
        [.region(dRead), .region(dOutput), .int(kind)] + shape(architecture.directions, hidden))
    }
    backward(architecture.layers - 1, dOutput)
  }

  /// A layer and those below it.
  mutating func backward(_ layer: Int, _ dOutput: Region) {
    engine.writer.backward(layer, (0..<architecture.directions).map { direction(layer, $0) }, dOutput, &self)
  }

  /// What follows the walk over time, which has left the gates' gradients. Nobody waits for the gradients of
  /// weights, where they are not to leave before those below: they are formed while the layers below go on.
  mutating func finishBackward(_ layer: Int, _ directions: [Direction]) {
    let weights = directions.flatMap { d in weightGradients(d) }
    guard isCut else { return parallel([{ $0.backward(below: layer, directions) }] + weights) }
    parallel([{ _ = $0.inputGradients(of: layer, directions) }] + weights)
    cut(from: directions[0].inputWeight)
    if layer > 0 { backward(layer - 1, dOutputs(below: layer)) }
  }

  mutating func backward(below layer: Int, _ directions: [Direction]) {
    if let below = inputGradients(of: layer, directions) { backward(layer - 1, below) }
  }

  mutating func dOutputs(below layer: Int) -> Region {
    buffer("d_outputs_\((architecture.layers - layer) % 2)", steps * capacity * width)
  }

  /// The gradient of what a layer reads; nil for the first one, where nobody needs it.
  private mutating func inputGradients(of layer: Int, _ directions: [Direction]) -> Region? {
    guard layer > 0 else { return nil }
    let below = dOutputs(below: layer)
    for d in directions { inputGradient(d, to: below) }
    dropInputGradient(of: layer, below)
    return below
  }

  /// Back through the masks between a layer and the one below.
  mutating func dropInputGradient(of layer: Int, _ gradient: Region) {
    if drops(layer - 1) { dropout(gradient, to: gradient, layer: UInt32(layer - 1), architecture.dropout) }
  }

  // MARK: Parts

  var isRelu: Argument { .int(architecture.nonlinearity == .relu ? 1 : 0) }

  func shape(_ directions: Int, _ hidden: Int) -> [Argument] {
    [steps, batch, directions, hidden].map { .int(Int32($0)) }
  }
}
