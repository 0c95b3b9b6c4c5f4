import Batches
import Kernels

/// The second half of an encoder-decoder: it starts from the encoder's final states, reads the target step by step (the right
/// tokens or numbers in training: teacher forcing), and may attend to the encoder's outputs.
///
/// Each layer starts from the encoder's layer of its number, the final states of both directions side by side.
final class Decoder {
  let network: Network
  let stack: RecurrentStack
  /// Of tokens.
  let embedding: Embedding?
  let attention: Attention?
  private let directions: Int
  private let width: Int
  private(set) var states: StreamStates
  /// Each sequence has the stream of its number.
  private var streams = GrowingArray<Int32>()
  private var dense = FloatBuffer(0)
  private let dMemory = GrowingBuffer()

  init(_ a: Network, _ layout: ParameterLayout, _ products: Products) {
    network = a.decoderNetwork
    directions = a.directions
    width = a.outputWidth
    stack = RecurrentStack(
      network, layout, products, wantsInputGradient: network.embedding != nil,
      module: "decoder",
      firstMask: 0x100)
    embedding = network.embedding.map {
      Embedding($0, layout, products.team, name: "decoder_embedding", mask: 0x4000_0001)
    }
    attention = Attention(a, layout, products)
    states = StreamStates(network, streams: 0)
  }

  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    stack.pack(parameters, forBackward: forBackward)
    attention?.pack(parameters, forBackward: forBackward)
  }

  /// What the head reads: `[Σ target, D]`.
  /// - request: the target's tokens, completed here.
  /// - sourceRows: the source's row for each sequence.
  func forward(
    _ request: inout Model.Request, _ encoder: RecurrentStack, _ source: BatchRows,
    sourceRows: UnsafePointer<Int32>, _ parameters: UnsafePointer<Float>
  ) -> UnsafePointer<Float> {
    start(encoder, source, sourceRows, count: request.batch)
    return run(&request, source, sourceRows: sourceRows, streams: streams.base, parameters)
  }

  /// The numbers from 0 up: sequences whose sources lie as they do themselves.
  func inOrder(_ count: Int) -> UnsafePointer<Int32> {
    reserve(count)
    return UnsafePointer(streams.base)
  }

  private func reserve(_ count: Int) {
    guard states.streams < count else { return }
    states = StreamStates(network, streams: count)
    streams.reserve(count)
    for stream in 0..<count { streams.base[stream] = Int32(stream) }
  }

  /// Sequences start where the encoder ended, and may look back at its outputs.
  func start(_ encoder: RecurrentStack, _ source: BatchRows, _ sourceRows: UnsafePointer<Int32>, count: Int) {
    reserve(count)
    attention?.read(encoder.output, source)
    for layer in 0..<network.layers {
      let size = encoder.sizes[layer]
      let hidden = size.hidden
      for direction in 0..<directions {
        for b in 0..<count {
          let row = Int(sourceRows[b])
          let last = direction == 0 ? source.end(row) : row
          states.state(states.hidden, layer: layer, stream: Int32(b)).advanced(by: direction * hidden)
            .update(
              from: encoder.output(of: layer) + direction * size.units + last * size.stride,
              count: hidden)
          guard !states.cell.isEmpty else { continue }
          states.state(states.cell, layer: layer, stream: Int32(b)).advanced(by: direction * hidden)
            .update(
              from: encoder.layers[layer][direction].cellStates + last * size.cellUnits, count: hidden)
        }
      }
    }
  }

  func run(
    _ request: inout Model.Request, _ source: BatchRows, sourceRows: UnsafePointer<Int32>,
    streams: UnsafePointer<Int32>, _ parameters: UnsafePointer<Float>
  ) -> UnsafePointer<Float> {
    request.carried = Model.Carried(states: states, streams: streams)
    if let embedding { request.lookUp(embedding, parameters) }
    stack.forward(request, initialState: nil)
    if let attention {
      return attention.forward(stack.output, request.rows, source, sourceRows: sourceRows)
    }
    if let view = stack.view(.everyStep, request.rows) { return view }
    dense.reserve(request.rows.count * width)
    for row in 0..<request.rows.count { stack.output.copyRow(row, to: dense.base + row * width) }
    return UnsafePointer(dense.base)
  }

  /// - dOutput: the gradient of what `forward` returned; overwritten.
  /// - Returns: the gradients of the encoder's outputs `[Σ source, D]` and of its final states.
  func backward(
    _ request: Model.Request, _ dOutput: UnsafeMutablePointer<Float>, _ source: BatchRows,
    sourceRows: UnsafePointer<Int32>, _ gradients: GradientTarget
  ) -> (outputs: UnsafePointer<Float>, final: RecurrentState) {
    dMemory.zero(source.count * width)
    attention?.backward(
      dOutput, request.rows, source, sourceRows: sourceRows, dMemory: dMemory.base, gradients)
    let initial = stack.backward(
      request, dReadout: dOutput, gradients: gradients, finalState: nil, wantInitialState: true)!
    if let embedding, request.vocabularies.isEmpty {
      embedding.backward(request, dRows: stack.dInputs.base, gradients)
    }
    let final = RecurrentState(
      hidden: encoderOrder(initial.hidden, source, sourceRows),
      cell: encoderOrder(initial.cell, source, sourceRows))
    return (UnsafePointer(dMemory.base), final)
  }

  /// `[layers, B, D·H]` of the decoder's sequences as `[layers·D, B, H]` of the encoder's rows.
  private func encoderOrder(
    _ states: [Float], _ source: BatchRows, _ sourceRows: UnsafePointer<Int32>
  ) -> [Float] {
    let (batch, hidden) = (source.batch, width / directions)
    var ordered = [Float](repeating: 0, count: states.count)
    for index in 0..<states.count / hidden {
      // index = (layer · B + b) · D + direction
      let (layer, rest) = index.quotientAndRemainder(dividingBy: batch * directions)
      let (b, direction) = rest.quotientAndRemainder(dividingBy: directions)
      let to = ((layer * directions + direction) * batch + Int(sourceRows[b])) * hidden
      for unit in 0..<hidden { ordered[to + unit] = states[index * hidden + unit] }
    }
    return ordered
  }
}
