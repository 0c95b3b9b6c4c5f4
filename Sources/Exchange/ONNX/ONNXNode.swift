/// One operator of a graph: onnx.proto's `NodeProto`.
struct ONNXNode {
  enum Attribute {
    case int(Int)
    case ints([Int])
    case float(Float)
    case string(String)
    case strings([String])
    case graph(ONNXGraph)
  }

  let operatorName: String
  /// Unique in the model.
  let name: String
  /// Names of values; "" for an optional one that is left out.
  let inputs: [String]
  let outputs: [String]
  let attributes: [(name: String, value: Attribute)]

  /// input 1, output 2, name 3, op_type 4, attribute 5.
  var message: ProtobufMessage {
    var node = ProtobufMessage()
    for input in inputs { node.add(1, input) }
    for output in outputs { node.add(2, output) }
    node.add(3, name)
    node.add(4, operatorName)
    for (name, value) in attributes { node.add(5, value.message(name)) }
    return node
  }
}

extension ONNXNode.Attribute {
  /// `AttributeProto`: name 1, f 2, i 3, s 4, g 6, ints 8, strings 9, type 20 (FLOAT 1, INT 2, STRING 3, GRAPH 5, INTS 7,
  /// STRINGS 8).
  fileprivate func message(_ name: String) -> ProtobufMessage {
    var attribute = ProtobufMessage()
    attribute.add(1, name)
    let type: Int
    switch self {
    case .float(let value):
      attribute.add(2, value)
      type = 1
    case .int(let value):
      attribute.add(3, value)
      type = 2
    case .string(let text):
      attribute.add(4, text)
      type = 3
    case .graph(let graph):
      attribute.add(6, graph.message)
      type = 5
    case .ints(let values):
      for value in values { attribute.add(8, value) }
      type = 7
    case .strings(let texts):
      for text in texts { attribute.add(9, text) }
      type = 8
    }
    attribute.add(20, type)
    return attribute
  }
}
