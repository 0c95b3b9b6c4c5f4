import Recurrent

extension ProgramBuilder {
  private var hidden: Int { architecture.hiddenSize }
  private var width: Int { architecture.outputWidth }
  private var gates: Int { architecture.cell.gateCount }

  /// One direction of one layer: where its parameters and what it keeps lie.
  private struct Direction {
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

  private mutating func direction(_ layer: Int, _ index: Int) -> Direction {
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

  private mutating func outputs(_ layer: Int) -> Region {
    buffer("outputs_l\(layer)", steps * capacity * width)
  }

  /// Whether masks lie between this layer and the next.
  private func drops(_ layer: Int) -> Bool {
    architecture.dropout > 0 && layer < architecture.layers - 1 && trains
  }

  /// What a layer reads.
  private mutating func input(of layer: Int) -> Region {
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
      if engine == .walk {
        parallel(directions.map { d in { $0.project(d) } })
        walk(directions, .forward, dOutput: nil)
      } else {
        parallel(
          directions.map { d in
            {
              $0.project(d)
              $0.forward(d)
            }
          })
      }
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
  private mutating func project(_ d: Direction) {
    product(
      matrix(input(of: d.layer), d.inputWidth),
      matrix(parameter(d.inputWeight), d.inputWidth, transposed: true), to: d.gates, stride: gates * hidden,
      steps * batch, gates * hidden, depth: d.inputWidth)
  }

  /// A product and a kernel for each step.
  private mutating func forward(_ d: Direction) {
    let output = outputs(d.layer).advanced(d.reverse ? hidden : 0)
    for index in 0..<steps {
      let (now, before) = times(index, d)
      if let before {
        product(
          matrix(at(before, output, width), width),
          matrix(parameter(d.recurrentWeight), hidden, transposed: true),
          to: at(now, d.recurrent ?? d.gates, gates * hidden), stride: gates * hidden, batch, gates * hidden,
          depth: hidden, accumulates: d.recurrent == nil)
      }
      forwardGates(d, now, before, output)
    }
  }

  private mutating func forwardGates(_ d: Direction, _ now: Int, _ before: Int?, _ output: Region) {
    var arguments: [Argument] = [.region(at(now, d.gates, gates * hidden))]
    if let recurrent = d.recurrent { arguments.append(.region(at(now, recurrent, gates * hidden))) }
    arguments += [.region(d.inputBias.map(parameter)), .region(d.recurrentBias.map(parameter))]
    if let cells = d.cells {
      arguments += [.region(before.map { at($0, cells, hidden) }), .region(at(now, cells, hidden))]
    }
    if d.recurrent != nil { arguments.append(.region(before.map { at($0, output, width) })) }
    arguments += [
      .region(at(now, output, width)), .int(Int32(width)), .int(Int32(batch)), .int(Int32(hidden)),
    ]
    if architecture.cell == .rnn { arguments.append(isRelu) }
    each("\(architecture.cell.rawValue)_forward", batch * hidden, arguments)
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

  /// A layer and those below it. Nobody waits for the gradients of weights: they are formed while the layers below go on.
  private mutating func backward(_ layer: Int, _ dOutput: Region) {
    let directions = (0..<architecture.directions).map { direction(layer, $0) }
    if engine == .walk {
      walk(directions, .backward, dOutput: dOutput)
    } else {
      parallel(directions.map { d in { $0.backward(d, dOutput) } })
    }
    parallel(
      [{ $0.backward(below: layer, directions) }] + directions.flatMap { d in weightGradients(d) })
  }

  private mutating func backward(below layer: Int, _ directions: [Direction]) {
    guard layer > 0 else { return }
    let below = buffer("d_outputs_\((architecture.layers - layer) % 2)", steps * capacity * width)
    for d in directions { inputGradient(d, to: below) }
    if drops(layer - 1) { dropout(below, to: below, layer: UInt32(layer - 1), architecture.dropout) }
    backward(layer - 1, below)
  }

  private mutating func backward(_ d: Direction, _ dOutput: Region) {
    let output = outputs(d.layer).advanced(d.reverse ? hidden : 0)
    let dOutput = dOutput.advanced(d.reverse ? hidden : 0)
    for index in (0..<steps).reversed() {
      let (now, before) = times(index, d)
      backwardGates(d, now, before, output, dOutput, start: index == steps - 1)
      guard before != nil else { continue }
      product(
        matrix(at(now, d.recurrent ?? d.gates, gates * hidden), gates * hidden),
        matrix(parameter(d.recurrentWeight), hidden), to: d.dHidden, stride: hidden, batch, hidden,
        depth: gates * hidden, accumulates: d.recurrent != nil)
    }
  }

  /// The second direction's is added to the first one's.
  private mutating func inputGradient(_ d: Direction, to below: Region) {
    product(
      matrix(d.gates, gates * hidden), matrix(parameter(d.inputWeight), d.inputWidth), to: below,
      stride: d.inputWidth, steps * batch, d.inputWidth, depth: gates * hidden, accumulates: d.reverse)
  }

  // MARK: Whole walks

  private enum Pass: String { case forward, backward }

  /// One kernel for all steps of a layer.
  private mutating func walk(_ directions: [Direction], _ pass: Pass, dOutput: Region?) {
    // Few rows in a block: the more blocks, the more multiprocessors work.
    let rows = max(1, min(256 / hidden, (batch + 127) / 128))
    let threads = (rows * hidden + 31) / 32 * 32
    let stored = pass == .forward && gates == 3 ? 4 : gates
    let state = pass == .forward ? 1 : gates
    var arguments: [Argument] = []
    for index in 0..<2 {
      guard index < directions.count else {
        arguments += [Argument](repeating: .region(nil), count: 8)
        continue
      }
      let d = directions[index]
      let columns = d.reverse ? hidden : 0
      let regions: [Region?] = [
        d.gates, d.recurrent, parameter(d.recurrentWeight), d.inputBias.map(parameter),
        d.recurrentBias.map(parameter), d.cells, outputs(d.layer).advanced(columns),
        dOutput?.advanced(columns),
      ]
      arguments += regions.map { .region($0) }
    }
    arguments += [width, steps, batch, hidden, rows].map { .int(Int32($0)) } + [isRelu]
    operations.append(
      .launch(
        StepProgram.Launch(
          kernel: "\(architecture.cell.rawValue)_walk_\(pass.rawValue)",
          grid: ((batch + rows - 1) / rows, directions.count), threads: threads,
          shared: 4 * (stored * hidden * hidden + 2 * rows * state * hidden), arguments: arguments)))
  }

  private mutating func backwardGates(
    _ d: Direction, _ now: Int, _ before: Int?, _ output: Region, _ dOutput: Region, start: Bool
  ) {
    var arguments: [Argument] = [.region(at(now, d.gates, gates * hidden))]
    if let recurrent = d.recurrent {
      arguments += [
        .region(at(now, recurrent, gates * hidden)), .region(before.map { at($0, output, width) }),
        .int(Int32(width)),
      ]
    } else if let cells = d.cells {
      arguments += [.region(before.map { at($0, cells, hidden) }), .region(at(now, cells, hidden))]
    } else {
      arguments += [.region(at(now, output, width)), .int(Int32(width))]
    }
    arguments += [.region(at(now, dOutput, width)), .int(Int32(width)), .region(d.dHidden)]
    if d.cells != nil { arguments.append(.region(d.dCell)) }
    arguments += [.int(Int32(batch)), .int(Int32(hidden))]
    if architecture.cell == .rnn { arguments.append(isRelu) }
    arguments.append(.int(start ? 1 : 0))
    each("\(architecture.cell.rawValue)_backward", batch * hidden, arguments)
  }

  private typealias Body = (inout ProgramBuilder) -> Void

  /// One product for each weight over all steps, and the biases' sums.
  private func weightGradients(_ d: Direction) -> [Body] {
    [{ $0.inputWeightGradient(d) }, { $0.recurrentWeightGradient(d) }, { $0.biasGradients(d) }]
  }

  private mutating func inputWeightGradient(_ d: Direction) {
    let rows = gates * hidden
    product(
      matrix(d.gates, rows, transposed: true), matrix(input(of: d.layer), d.inputWidth),
      to: gradient(d.inputWeight), stride: d.inputWidth, rows, d.inputWidth, depth: steps * batch,
      accumulates: true)
  }

  /// Step t's gates saw the outputs of the step walked before it.
  private mutating func recurrentWeightGradient(_ d: Direction) {
    guard steps > 1 else { return }
    let rows = gates * hidden
    let dRecurrent = d.recurrent ?? d.gates
    let output = outputs(d.layer).advanced(d.reverse ? hidden : 0)
    let dLater = d.reverse ? dRecurrent : at(1, dRecurrent, rows)
    let earlier = d.reverse ? at(1, output, width) : output
    product(
      matrix(dLater, rows, transposed: true), matrix(earlier, width), to: gradient(d.recurrentWeight),
      stride: hidden, rows, hidden, depth: (steps - 1) * batch, accumulates: true)
  }

  private mutating func biasGradients(_ d: Direction) {
    guard let input = d.inputBias, let recurrent = d.recurrentBias else { return }
    let (rows, columns) = (steps * batch, gates * hidden)
    if let products = d.recurrent {
      columnSums(d.gates, rows: rows, columns: columns, to: gradient(input))
      columnSums(products, rows: rows, columns: columns, to: gradient(recurrent))
    } else {
      columnSums(d.gates, rows: rows, columns: columns, to: gradient(input), gradient(recurrent))
    }
  }

  // MARK: Parts

  /// The time of the index-th step walked, and of the one before it.
  private func times(_ index: Int, _ d: Direction) -> (now: Int, before: Int?) {
    func time(_ index: Int) -> Int { d.reverse ? steps - 1 - index : index }
    return (time(index), index > 0 ? time(index - 1) : nil)
  }

  /// Where step `time` of a `[T, B, width]` buffer begins.
  private func at(_ time: Int, _ region: Region, _ width: Int) -> Region {
    region.advanced(time * batch * width)
  }

  private var isRelu: Argument { .int(architecture.nonlinearity == .relu ? 1 : 0) }

  private func shape(_ directions: Int, _ hidden: Int) -> [Argument] {
    [steps, batch, directions, hidden].map { .int(Int32($0)) }
  }

  private mutating func readoutForward(_ x: Region, all: Bool, directions: Int, hidden: Int) -> Region {
    let y = buffer("readout", capacity * architecture.readoutWidth)
    each(
      "readout_forward", (all ? steps : 1) * batch * directions * hidden,
      [.region(x), .region(y), .int(all ? 1 : 0)] + shape(directions, hidden))
    return y
  }

  private mutating func dropout(_ x: Region, to y: Region, layer: UInt32, _ probability: Float) {
    dropout(
      x, to: y, layer: layer, probability, steps: steps, blocks: architecture.directions, width: hidden)
  }

  /// Masks `[steps, B, blocks·width]` keyed by the layer's number.
  mutating func dropout(
    _ x: Region, to y: Region, layer: UInt32, _ probability: Float, steps: Int, blocks: Int, width: Int
  ) {
    each(
      "dropout", steps * batch * blocks * ((width + 3) / 4),
      [
        .region(x), .region(y), .region(place(.control)), .region(place(.samples)), .unsigned(layer),
        .unsignedLong(UInt64(Double(probability) * 4_294_967_296)), .float(1 / (1 - probability)),
        .int(Int32(steps)), .int(Int32(batch)), .int(Int32(blocks)), .int(Int32(width)),
      ])
  }
}
