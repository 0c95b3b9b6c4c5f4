/// A graph as it is put together, operator by operator: onnx.proto's `GraphProto`.
///
/// A value has one name, its operator's with a number, in the order of building: the same network gives the same bytes.
struct ONNXGraph {
  let name: String
  /// Stands before the names of values: those of a graph inside of another one must be none of that one's.
  private let prefix: String
  private var nodes: [ONNXNode] = []
  private var tensors: [ONNXTensor] = []
  private var inputs: [ONNXValue] = []
  private var outputs: [ONNXValue] = []

  init(_ name: String, prefix: String = "") { (self.name, self.prefix) = (name, prefix) }

  /// - Returns: the name of what it gives.
  mutating func add(
    _ operatorName: String, _ inputs: [String], _ attributes: [(String, ONNXNode.Attribute)] = []
  ) -> String {
    add(operatorName, inputs, attributes, outputs: 1)[0]
  }

  /// - outputs: how many it gives.
  mutating func add(
    _ operatorName: String, _ inputs: [String], _ attributes: [(String, ONNXNode.Attribute)] = [],
    outputs: Int
  ) -> [String] {
    let name = "\(prefix)\(operatorName)_\(nodes.count)"
    let names = (0..<outputs).map { outputs == 1 ? name : "\(name)_\($0)" }
    nodes.append(
      ONNXNode(operatorName: operatorName, name: name, inputs: inputs, outputs: names, attributes: attributes)
    )
    return names
  }

  mutating func addInput(_ name: String, _ type: ONNXValue.ElementType, _ shape: [ONNXValue.Dimension])
    -> String
  {
    inputs.append(ONNXValue(name: name, type: type, shape: shape))
    return name
  }

  /// Gives a value out under this name.
  mutating func addOutput(
    _ value: String, as name: String, _ shape: [ONNXValue.Dimension], _ type: ONNXValue.ElementType = .float
  ) {
    nodes.append(
      ONNXNode(
        operatorName: "Identity", name: "out_\(name)", inputs: [value], outputs: [name], attributes: []))
    outputs.append(ONNXValue(name: name, type: type, shape: shape))
  }

  /// Numbers under a name of their own.
  mutating func add(_ name: String, _ shape: [Int], _ values: [Float]) -> String {
    precondition(values.count == shape.reduce(1, *), "\(name) is \(shape), not \(values.count) numbers")
    if !has(name) { tensors.append(ONNXTensor(name: name, shape: shape, numbers: .floats(values))) }
    return name
  }

  /// Whole numbers that operators take as an input, once for all who ask.
  mutating func integers(_ values: [Int]) -> String {
    add("\(prefix)integers_\(values.map(String.init).joined(separator: "_"))", [values.count], values)
  }

  /// One whole number, without an axis.
  mutating func integer(_ value: Int) -> String { add("\(prefix)integer_\(value)", [], [value]) }

  private mutating func add(_ name: String, _ shape: [Int], _ values: [Int]) -> String {
    if !has(name) {
      tensors.append(ONNXTensor(name: name, shape: shape, numbers: .int64s(values.map(Int64.init))))
    }
    return name
  }

  func has(_ name: String) -> Bool { tensors.contains { $0.name == name } }

  /// node 1, name 2, initializer 5, input 11, output 12.
  var message: ProtobufMessage {
    var graph = ProtobufMessage()
    for node in nodes { graph.add(1, node.message) }
    graph.add(2, name)
    for tensor in tensors { graph.add(5, tensor.message) }
    for input in inputs { graph.add(11, input.message) }
    for output in outputs { graph.add(12, output.message) }
    return graph
  }
}
