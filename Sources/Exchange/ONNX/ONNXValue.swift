/// What a graph takes, gives or holds.
struct ONNXValue {
  /// `TensorProto.DataType`.
  enum ElementType: Int {
    case float = 1
    case int32 = 6
    case int64 = 7
    case bool = 9
  }

  enum Dimension {
    case size(Int)
    /// Any size, the same wherever it has this name.
    case named(String)
  }

  let name: String
  let type: ElementType
  let shape: [Dimension]

  /// `ValueInfoProto`: name 1, type 2. `TypeProto`: tensor_type 1. Its `Tensor`: elem_type 1, shape 2. `TensorShapeProto`: dim 1, with
  /// dim_value 1 or dim_param 2.
  var message: ProtobufMessage {
    var dimensions = ProtobufMessage()
    for dimension in shape {
      var size = ProtobufMessage()
      switch dimension {
      case .size(let value): size.add(1, value)
      case .named(let name): size.add(2, name)
      }
      dimensions.add(1, size)
    }
    var (tensor, kind, value) = (ProtobufMessage(), ProtobufMessage(), ProtobufMessage())
    tensor.add(1, type.rawValue)
    tensor.add(2, dimensions)
    kind.add(1, tensor)
    value.add(1, name)
    value.add(2, kind)
    return value
  }
}

/// Numbers that a graph holds: `TensorProto`.
struct ONNXTensor {
  enum TensorData {
    case floats([Float])
    case int64s([Int64])
  }

  let name: String
  /// Empty for one number.
  let shape: [Int]
  let numbers: TensorData

  /// dims 1, data_type 2, name 8, raw_data 9.
  var message: ProtobufMessage {
    var tensor = ProtobufMessage()
    for size in shape { tensor.add(1, size) }
    switch numbers {
    case .floats(let values):
      tensor.add(2, ONNXValue.ElementType.float.rawValue)
      tensor.add(8, name)
      values.map(\.bitPattern.littleEndian).withUnsafeBytes { tensor.add(9, raw: $0) }
    case .int64s(let values):
      tensor.add(2, ONNXValue.ElementType.int64.rawValue)
      tensor.add(8, name)
      values.map(\.littleEndian).withUnsafeBytes { tensor.add(9, raw: $0) }
    }
    return tensor
  }
}
