import Dataset
import Diagnostics
import Recurrent

/// A network as a graph of ONNX.
///
/// Inside, values are time-major as ONNX's recurrent operators want them, `[T, B, F]`; what goes in and comes out is batch-first.
package struct NetworkGraph {
  let network: Network
  let interface: ModelInterface
  let layout: ParameterLayout
  let parameters: UnsafeBufferPointer<Float>
  var graph = ONNXGraph("network")
  /// The lengths `[B]` as int64 and as int32, where sequences have their own.
  var lengths: (long: String, short: String)?
  /// The number of sequences `[1]`, asked for once.
  var batch = ""
  /// The numbers that go in, scaled, `[B, T, F]`; "" where there are none.
  var rows = ""
  /// The input that says which series each sample is of; "" before anything asks for it.
  var series = ""

  /// - parameters: in the order of the layout.
  /// - metadata: see `ONNXModel`.
  /// - Throws: where the network has a part that is not written, or is too large.
  package static func model(
    _ network: Network, _ layout: ParameterLayout, _ parameters: UnsafeBufferPointer<Float>,
    _ interface: ModelInterface, metadata: [(key: String, value: String)]
  ) throws(Failure) -> ONNXModel {
    guard layout.count <= ONNXModel.mostBytes / 4 else { throw ONNXModel.tooLarge }
    precondition(network.decoder?.embedding == nil, "an encoder-decoder of tokens is a pair of models")
    try interface.scaler?.requireFloats(features: network.inputSize)
    var writer = NetworkGraph(
      network: network, interface: interface, layout: layout, parameters: parameters)
    writer.write()
    return try ONNXModel(writer.graph, metadata: metadata)
  }

  private mutating func write() {
    let input = addInputs()
    guard network.cell != .none else {
      return addOutputs(addHead(graph.add("Reshape", [input, graph.integers([0, -1])])))
    }
    let (values, states) = addLayers(input)
    if let numbers = network.decoder?.numbers {
      return addOutputs(addDecoder(numbers, values, states))
    }
    addOutputs(addHead(addReadout(values)))
    // After what is asked for first.
    if interface.carriesStates {
      for layer in states.indices { addStates(states[layer], of: layer) }
    }
  }

  /// The recurrent part.
  /// - input: `[B, T, I]`
  /// - Returns: what the last layer gives, `[T, B, D·W]`, and of each layer the final states, `[D, B, W]`.
  mutating func addLayers(_ input: String) -> (values: String, states: [[String]]) {
    var values = graph.add("Transpose", [input], [("perm", .ints([1, 0, 2]))])
    var states: [[String]] = []
    batch = graph.add("Shape", [values], [("start", .int(1)), ("end", .int(2))])
    for layer in 0..<network.layers {
      let result = addLayer(layer, values)
      values = network.residual && layer > 0 ? graph.add("Add", [result.values, values]) : result.values
      states.append(result.states)
    }
    return (values, states)
  }

  /// A parameter under its PyTorch name.
  func values(_ name: String) -> [Float]? {
    layout[name].map { Array(parameters[$0.range]) }
  }

  /// The same as a tensor of the graph.
  /// - rows: some of them; nil for all.
  mutating func parameter(_ name: String, _ rows: Range<Int>? = nil) -> String? {
    guard let entry = layout[name] else { return nil }
    guard let rows else { return graph.add(name, entry.shape, Array(parameters[entry.range])) }
    let width = entry.shape.dropFirst().reduce(1, *)
    let range = rows.lowerBound * width..<rows.upperBound * width
    return graph.add(
      "\(name).\(rows.lowerBound)", [rows.count] + entry.shape.dropFirst(),
      Array(UnsafeBufferPointer(rebasing: parameters[entry.range])[range]))
  }
}
