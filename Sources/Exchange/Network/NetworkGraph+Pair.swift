import Diagnostics
import Recurrent

/// An encoder-decoder of tokens as two graphs, with a search between them: what the encoder gives, the decoder takes under the same
/// name, and what one step of the decoder gives as `hn_l0` the next one takes as `h0_l0`.
extension NetworkGraph {
  /// - parameters, metadata: as of `model`.
  /// - Throws: where one is too large.
  package static func pair(
    _ network: Network, _ layout: ParameterLayout, _ parameters: UnsafeBufferPointer<Float>,
    _ interface: ModelInterface, metadata: [(key: String, value: String)]
  ) throws(Failure) -> (encoder: ONNXModel, decoder: ONNXModel) {
    func written(_ part: String, _ write: (inout NetworkGraph) -> Void) throws(Failure) -> ONNXModel {
      var writer = NetworkGraph(
        network: network, interface: interface, layout: layout, parameters: parameters)
      writer.graph = ONNXGraph(part)
      write(&writer)
      return try ONNXModel(writer.graph, metadata: metadata + [("part", part)])
    }
    return (
      try written("encoder") { $0.writeEncoder() }, try written("decoder") { $0.writeDecoderStep() }
    )
  }

  /// Sources in, states at the start of the targets out, and what attention reads.
  private mutating func writeEncoder() {
    let (values, states) = addLayers(addInputs())
    for layer in states.indices {
      for (state, name) in zip(states[layer], stateNames("0", layer)) {
        graph.addOutput(besideEachOther(state), as: name, stateShape)
      }
    }
    guard let memory = attentionMemory(values) else { return }
    for (name, value) in memoryNames(memory) { graph.addOutput(value, as: name, memoryShape) }
    graph.addOutput(ownSteps(of: values), as: "mask", Array(memoryShape.dropLast()), .bool)
  }

  /// One token in, the logits of the next one and the states after it out.
  private mutating func writeDecoderStep() {
    let token = graph.addInput("token", .int64, [.named("batch")])
    let vector = graph.add("Gather", [parameter("decoder_embedding.weight")!, token])
    var x = graph.add("Unsqueeze", [vector, graph.integers([0])])
    var states: [[String]] = []
    for layer in 0..<network.layers {
      let place = OperatorLocation(
        module: "decoder", layer: layer, directions: 1,
        inputWidth: layer == 0 ? network.decoder!.embedding!.width : network.outputWidth,
        hidden: network.outputWidth)
      let given = stateNames("0", layer).map { graph.addInput($0, .float, stateShape) }
      let result = addOperator(place, x, lengths: "", states: given)
      x = result.values
      states.append(result.states)
    }
    var read = graph.add("Squeeze", [x, graph.integers([0])])
    if let memory = givenMemory() { read = attended(read, memory) }
    addOutputs(addHead(read), axes: [.named("batch")])
    for layer in states.indices {
      for (state, name) in zip(states[layer], stateNames("n", layer)) {
        graph.addOutput(state, as: name, stateShape)
      }
    }
  }

  /// What the encoder has given to attend to; nil for a decoder without attention.
  private mutating func givenMemory() -> AttentionMemory? {
    guard let kind = network.decoder?.attention, kind != .none else { return nil }
    let values = graph.addInput("memory", .float, memoryShape)
    let keys = kind == .general ? graph.addInput("keys", .float, memoryShape) : values
    let mask = graph.addInput("mask", .bool, Array(memoryShape.dropLast()))
    return AttentionMemory(values: values, keys: keys, mask: mask)
  }

  /// `[B, T]`: which steps lie before a sequence's end.
  /// - values: `[T, B, W]`
  private mutating func ownSteps(of values: String) -> String {
    let count = graph.add("Squeeze", [graph.add("Shape", [values], [("start", .int(0)), ("end", .int(1))])])
    let places = graph.add("Range", [graph.integer(0), count, graph.integer(1)])
    return graph.add("Less", [places, graph.add("Unsqueeze", [lengths!.long, graph.integers([1])])])
  }

  // MARK: What both know

  /// `[1, B, D·H]`: the decoder has one direction, as wide as both of the encoder.
  private var stateShape: [ONNXValue.Dimension] {
    [.size(1), .named("batch"), .size(network.outputWidth)]
  }
  private var memoryShape: [ONNXValue.Dimension] {
    [.named("batch"), .named("time"), .size(network.outputWidth)]
  }

  private func stateNames(_ suffix: String, _ layer: Int) -> [String] {
    (network.cell.hasCellState ? ["h", "c"] : ["h"]).map { "\($0)\(suffix)_l\(layer)" }
  }

  private func memoryNames(_ memory: AttentionMemory) -> [(name: String, value: String)] {
    [("memory", memory.values)] + (memory.keys == memory.values ? [] : [("keys", memory.keys)])
  }
}
