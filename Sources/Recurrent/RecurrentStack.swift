import CKernels
import Kernels

/// All recurrent layers and directions of a network, with the dropout between them.
final class RecurrentStack {
  let architecture: Architecture
  private let kernels: KernelSet
  let layers: [[RecurrentLayer]]
  let units: Int
  /// Outputs of each layer `[T, B, D·Hp]`, and what the next layer reads where dropout changed it.
  private let outputs: [GrowingBuffer]
  private let dropped: [GrowingBuffer]
  /// Gradients of a layer's outputs; layers take turns.
  let dOutputs = [GrowingBuffer(), GrowingBuffer()]
  /// Initial and final states of each layer and direction, `[B, Hp]`.
  let initialHidden: [GrowingBuffer]
  let initialCell: [GrowingBuffer]
  let finalHidden: [GrowingBuffer]
  let finalCell: [GrowingBuffer]
  private var hasInitialState = false
  let wantsInputGradient: Bool
  /// The number of the first layer's dropout mask.
  private let firstMask: UInt32
  /// Gradient of the network's input `[T, B, F]`, where it was wanted.
  let dInputs = GrowingBuffer()

  init(
    _ a: Architecture, _ layout: ParameterLayout, _ kernels: KernelSet, _ team: Team,
    wantsInputGradient: Bool,
    prefix: String = "rnn", firstMask: UInt32 = 0
  ) {
    self.firstMask = firstMask
    architecture = a
    self.wantsInputGradient = wantsInputGradient
    self.kernels = kernels
    units = kernels.padded(a.hiddenSize)
    layers = (0..<a.layers).map { layer in
      ["", "_reverse"].prefix(a.directions).map { suffix in
        func start(_ name: String) -> Int? {
          layout["\(prefix).\(name)_l\(layer)\(suffix)"]?.range.lowerBound
        }
        return RecurrentLayer(
          a, inputWidth: layer == 0 ? a.inputWidth : a.directions * a.hiddenSize,
          inputBlocks: layer == 0 ? 1 : a.directions, padsInput: layer > 0, reverse: suffix != "",
          needsInputGradient: layer > 0 || wantsInputGradient,
          ranges: .init(
            inputWeight: start("weight_ih")!, recurrentWeight: start("weight_hh")!,
            inputBias: start("bias_ih"),
            recurrentBias: start("bias_hh")), kernels: kernels, team: team)
      }
    }
    let states = a.layers * a.directions
    outputs = (0..<a.layers).map { _ in GrowingBuffer() }
    dropped = (0..<a.layers).map { _ in GrowingBuffer() }
    initialHidden = (0..<states).map { _ in GrowingBuffer() }
    initialCell = (0..<states).map { _ in GrowingBuffer() }
    finalHidden = (0..<states).map { _ in GrowingBuffer() }
    finalCell = (0..<states).map { _ in GrowingBuffer() }
  }

  var stride: Int { architecture.directions * units }
  /// The last layer's outputs.
  var output: PaddedOutput { padded(outputs[architecture.layers - 1].base) }

  func padded(_ base: UnsafeMutablePointer<Float>) -> PaddedOutput {
    PaddedOutput(
      base: base, stride: stride, directions: architecture.directions, hidden: architecture.hiddenSize,
      units: units)
  }

  /// The readout where it lies in memory as it should be: no copy.
  func view(_ readout: Architecture.Readout, _ rows: BatchRows) -> UnsafePointer<Float>? {
    guard units == architecture.hiddenSize else { return nil }
    let lastStep = rows.isUniform ? UnsafePointer(output.base + rows.start(rows.steps - 1) * stride) : nil
    switch readout {
    case .everyStep: return UnsafePointer(output.base)
    case .lastStep: return lastStep
    case .finalState: return architecture.bidirectional ? nil : lastStep
    case .allSteps: return nil
    }
  }

  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    for layer in layers { for direction in layer { direction.pack(parameters, forBackward: forBackward) } }
  }

  /// Whether masks are applied to the outputs of this layer.
  func drops(_ layer: Int, _ mode: Model.Mode) -> Bool {
    architecture.dropout > 0 && layer < architecture.layers - 1 && mode != .evaluation
  }

  func output(of layer: Int) -> UnsafePointer<Float> { UnsafePointer(outputs[layer].base) }

  func forward(_ request: Model.Batch, initialState: RecurrentState?) {
    let count = request.rows.count * stride
    if let carried = request.carried {
      hasInitialState = true
      setInitialState(carried, batch: request.batch)
    } else {
      setInitialState(initialState, batch: request.batch)
    }
    for index in 0..<architecture.layers {
      outputs[index].reserve(count)
      for direction in 0..<architecture.directions {
        let layer = layers[index][direction]
        layer.prepare(request.rows)
        layer.forward(pass(index, direction, request))
      }
      if drops(index, request.mode) {
        dropped[index].reserve(count)
        applyDropout(after: index, request, from: outputs[index].base, to: dropped[index].base)
      }
    }
    if let carried = request.carried { keepFinalState(request, carried) }
  }

  func pass(_ index: Int, _ direction: Int, _ request: Model.Batch) -> RecurrentLayer.Pass {
    let state = index * architecture.directions + direction
    let below = index > 0 ? (drops(index - 1, request.mode) ? dropped : outputs)[index - 1].base : nil
    return RecurrentLayer.Pass(
      rows: request.rows, input: below.map { UnsafePointer($0) } ?? request.inputs,
      inputStride: index > 0 ? stride : architecture.inputWidth,
      vocabulary: index > 0 ? nil : request.vocabulary,
      output: outputs[index].base + direction * units, outputStride: stride,
      h0: hasInitialState ? UnsafePointer(initialHidden[state].base) : nil,
      c0: hasInitialState && architecture.cell == .lstm ? UnsafePointer(initialCell[state].base) : nil,
      keep: request.mode != .evaluation)
  }

  func applyDropout(
    after index: Int, _ request: Model.Batch, from: UnsafePointer<Float>, to: UnsafeMutablePointer<Float>
  ) {
    guard case .training(let seed, let step) = request.mode else { return }
    var mask = rk_dropout(
      seed: seed, step: step, layer: firstMask + UInt32(index), probability: architecture.dropout)
    rk_dropout_apply(
      &mask, from, to, request.steps, request.batch, request.rows.offsets, stride, architecture.directions,
      architecture.hiddenSize, units, request.samples)
  }

  private func setInitialState(_ state: RecurrentState?, batch: Int) {
    hasInitialState = state != nil
    guard let state else { return }
    fill(initialHidden, from: state.hidden, batch: batch)
    if architecture.cell == .lstm { fill(initialCell, from: state.cell, batch: batch) }
  }

  func fill(_ buffers: [GrowingBuffer], from dense: [Float], batch: Int) {
    let hidden = architecture.hiddenSize
    precondition(dense.count == buffers.count * batch * hidden, "a state has the shape [layers·D, B, H]")
    for (index, buffer) in buffers.enumerated() {
      buffer.zero(batch * units)
      dense.withUnsafeBufferPointer {
        StateRows.pad(
          $0.baseAddress! + index * batch * hidden, to: buffer.base, batch: batch, hidden: hidden,
          units: units)
      }
    }
  }

  /// h_n and c_n of the last forward.
  func finalState(_ request: Model.Batch) -> RecurrentState {
    var state = RecurrentState(hidden: [])
    for index in 0..<architecture.layers {
      for direction in 0..<architecture.directions {
        func append(_ values: UnsafePointer<Float>, stride: Int, to state: inout [Float]) {
          for row in 0..<request.batch {
            let last = direction == 0 ? request.rows.end(row) : row
            state += UnsafeBufferPointer(start: values + last * stride, count: architecture.hiddenSize)
          }
        }
        append(outputs[index].base + direction * units, stride: stride, to: &state.hidden)
        if architecture.cell == .lstm {
          append(layers[index][direction].cellStates, stride: units, to: &state.cell)
        }
      }
    }
    return state
  }
}
