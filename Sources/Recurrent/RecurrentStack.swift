import Batches
import CKernels
import Kernels

/// All recurrent layers and directions of a network, with what lies between them: dropout and residual connections.
final class RecurrentStack {
  let network: Network
  let kernels: KernelSet
  let team: Team
  let sizes: [LayerSizes]
  /// Whether layers carry c beside h.
  let hasCellState: Bool
  let layers: [[any TimeLayer]]
  /// Outputs of each layer `[T, B, D·units]`; with what it read added, where it has a residual connection; and what the next
  /// layer reads where dropout changed that.
  let outputs: [GrowingBuffer]
  let sums: [GrowingBuffer]
  let dropped: [GrowingBuffer]
  let droppedInput = GrowingBuffer()
  let lockedMask = GrowingBuffer()
  /// Gradients of a layer's outputs; layers take turns.
  let dOutputs = [GrowingBuffer(), GrowingBuffer()]
  /// Initial and final states of each layer and direction, `[B, units]`.
  let initialHidden: [GrowingBuffer]
  let initialCell: [GrowingBuffer]
  let finalHidden: [GrowingBuffer]
  let finalCell: [GrowingBuffer]
  var initial = InitialState.zero
  /// Where the initial states of each layer and direction lie in the flat buffer, where they are learned.
  let learned: [LearnedState]?
  var parameters: UnsafePointer<Float>?
  let wantsInputGradient: Bool
  /// Whether the first layer takes numbers and the tables of categories by themselves.
  let foldsCategories: Bool
  /// See `Model`; and where each layer's gradients begin.
  var gradientsAreFinal: ((_ start: Int) -> Void)?
  let layerStarts: [Int]
  /// The first layer that is trained, and whether anything below the first layer is: see `Model.firstTrained`.
  var lowest = 0
  var trainsInputs = true
  /// The number of the masks after the first layer.
  let firstMask: UInt32
  /// Gradient of the network's input `[T, B, F]`, where it was wanted.
  let dInputs = GrowingBuffer()

  enum InitialState { case zero, given, learned }
  struct LearnedState {
    var hidden: Int
    /// nil without c.
    var cell: Int?
  }

  init(
    _ a: Network, _ layout: ParameterLayout, _ products: Products,
    wantsInputGradient: Bool, foldsCategories: Bool = false, module: String = "rnn", firstMask: UInt32 = 0
  ) {
    network = a
    hasCellState = a.cell.hasCellState
    self.firstMask = firstMask
    self.wantsInputGradient = wantsInputGradient
    self.foldsCategories = foldsCategories
    kernels = products.kernels
    team = products.team
    layerStarts = layout.layerStarts(module: module)
    let sizes = (0..<a.layers).map { LayerSizes(a, layer: $0, products.kernels) }
    self.sizes = sizes
    layers = (0..<a.layers).map { layer in
      (0..<a.directions).map { direction in
        var place = LayerPosition(
          layer: layer, direction: direction, module: module, inputWidth: a.inputWidth(of: layer),
          inputBlocks: layer == 0 ? 1 : a.directions, needsInputGradient: layer > 0 || wantsInputGradient)
        if foldsCategories, layer == 0 { place.folded = a.inputRanges }
        return a.isStepwise
          ? StepwiseLayer(a, sizes[layer], place, layout, products)
          : RecurrentLayer(a, sizes[layer], place, layout, products)
      }
    }
    func buffers(_ count: Int) -> [GrowingBuffer] { (0..<count).map { _ in GrowingBuffer() } }
    let states = a.layers * a.directions
    (outputs, sums, dropped) = (buffers(a.layers), buffers(a.layers), buffers(a.layers))
    (initialHidden, initialCell) = (buffers(states), buffers(states))
    (finalHidden, finalCell) = (buffers(states), buffers(states))
    learned =
      a.learnedInitialState
      ? (0..<states).map { state in
        let place = LayerPosition(layer: state / a.directions, direction: state % a.directions)
        return LearnedState(
          hidden: layout[place.name("h0")]!.range.lowerBound, cell: layout[place.name("c0")]?.range.lowerBound
        )
      } : nil
  }

  /// The last layer's outputs.
  var output: PaddedOutput { padded(result(network.layers - 1), network.layers - 1) }

  func padded(_ base: UnsafeMutablePointer<Float>, _ layer: Int) -> PaddedOutput {
    PaddedOutput(
      base: base, stride: sizes[layer].stride, directions: network.directions,
      hidden: sizes[layer].width, units: sizes[layer].units)
  }

  /// The readout where it lies in memory as it should be: no copy.
  func view(_ readout: Network.Readout, _ rows: BatchRows) -> UnsafePointer<Float>? {
    let output = output
    guard output.isDense else { return nil }
    let lastStep =
      rows.isUniform ? UnsafePointer(output.base + rows.start(rows.steps - 1) * output.stride) : nil
    switch readout {
    case .everyStep: return UnsafePointer(output.base)
    case .lastStep: return lastStep
    case .finalState: return network.bidirectional ? nil : lastStep
    case .allSteps: return nil
    }
  }

  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    self.parameters = parameters
    for layer in layers { for direction in layer { direction.pack(parameters, forBackward: forBackward) } }
  }

  func output(of layer: Int) -> UnsafePointer<Float> { UnsafePointer(outputs[layer].base) }

  func forward(_ request: Model.Request, initialState: RecurrentState?) {
    if let carried = request.carried {
      initial = .given
      setInitialState(carried, batch: request.batch)
    } else {
      setInitialState(initialState, batch: request.batch)
    }
    dropInput(request)
    for index in 0..<network.layers {
      let count = request.rows.count * sizes[index].stride
      outputs[index].reserve(count)
      for direction in 0..<network.directions {
        let layer = layers[index][direction]
        layer.prepare(request.rows)
        layer.forward(pass(index, direction, request))
      }
      if addsInput(index) { addInput(index, request, count: count) }
      if drops(index, request.mode) {
        dropped[index].reserve(count)
        applyDropout(after: index, request, from: result(index), to: dropped[index].base)
      }
    }
    if let carried = request.carried { keepFinalState(request, carried) }
  }

  /// What a layer gives to those above it, before dropout.
  func result(_ layer: Int) -> UnsafeMutablePointer<Float> { (addsInput(layer) ? sums : outputs)[layer].base }

  /// What a layer reads.
  private func reads(_ layer: Int, _ request: Model.Request) -> UnsafePointer<Float> {
    guard layer > 0 else {
      return dropsInput(request.mode) ? UnsafePointer(droppedInput.base) : request.inputs
    }
    return UnsafePointer(drops(layer - 1, request.mode) ? dropped[layer - 1].base : result(layer - 1))
  }

  func pass(_ index: Int, _ direction: Int, _ request: Model.Request) -> RecurrentLayer.LayerPass {
    let state = index * network.directions + direction
    let startsAnew = initial == .zero
    return RecurrentLayer.LayerPass(
      rows: request.rows, input: reads(index, request),
      inputStride: index > 0
        ? sizes[index - 1].stride : foldsCategories ? network.inputSize : network.inputWidth,
      vocabularies: index > 0 ? [] : request.vocabularies,
      output: outputs[index].base + direction * sizes[index].units, outputStride: sizes[index].stride,
      h0: startsAnew ? nil : UnsafePointer(initialHidden[state].base),
      c0: startsAnew || !hasCellState ? nil : UnsafePointer(initialCell[state].base),
      keep: request.mode != .evaluation, key: MaskKey(request))
  }

  /// Whether a layer has a residual connection: the lowest has none, its input is another kind of thing.
  func addsInput(_ layer: Int) -> Bool { network.residual && layer > 0 }

  private func addInput(_ index: Int, _ request: Model.Request, count: Int) {
    sums[index].reserve(count)
    let (sum, output, input) = (sums[index].base, outputs[index].base, reads(index, request))
    for i in 0..<count { sum[i] = output[i] + input[i] }
  }
}
