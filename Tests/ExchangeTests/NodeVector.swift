import Foundation
import Recurrent

/// One of ONNX's own test vectors: a recurrent node, what goes in, and what must come out.
struct NodeVector {
  struct Tensor {
    let shape: [Int]
    let values: [Float]
  }

  let name, operatorName: String
  /// Of the operator, in its order; "" for one that is left out.
  let inputNames, outputNames: [String]
  let integers: [String: Int]
  let texts: [String: String]
  /// By the names of the graph.
  var tensors: [String: Tensor] = [:]
  /// Attributes that this reader does not know.
  let others: [String]

  /// - folder: with `model.onnx` and `test_data_set_0`, as the onnx package writes them.
  init(_ folder: URL) throws {
    func message(_ name: String) throws -> ProtobufReader {
      let bytes = Array(try Data(contentsOf: folder.appendingPathComponent(name)))
      guard let message = ProtobufReader(bytes) else { throw CocoaError(.fileReadCorruptFile) }
      return message
    }
    name = folder.lastPathComponent
    // ModelProto: graph 7. GraphProto: node 1, input 11, output 12. ValueInfoProto: name 1.
    guard let graph = try message("model.onnx").messages(7).first, let node = graph.messages(1).first else {
      throw CocoaError(.fileReadCorruptFile)
    }
    // NodeProto: input 1, output 2, op_type 4, attribute 5.
    operatorName = node.texts(4)[0]
    (inputNames, outputNames) = (node.texts(1), node.texts(2))
    var (integers, texts, others) = ([String: Int](), [String: String](), [String]())
    // AttributeProto: name 1, i 3, s 4.
    for attribute in node.messages(5) {
      let name = attribute.texts(1)[0]
      if let number = attribute.numbers(3).first {
        integers[name] = number
      } else if let text = attribute.texts(4).first {
        texts[name] = text
      } else {
        others.append(name)
      }
    }
    (self.integers, self.texts, self.others) = (integers, texts, others)
    for (kind, field) in [("input", 11), ("output", 12)] {
      for (number, value) in graph.messages(field).enumerated() {
        tensors[value.texts(1)[0]] = try Tensor(message("test_data_set_0/\(kind)_\(number).pb"))
      }
    }
  }

  /// Of the operator's inputs by their places: X, W, R, B, sequence_lens, initial_h, initial_c, P.
  func input(_ place: Int) -> Tensor? {
    place < inputNames.count ? tensors[inputNames[place]] : nil
  }
  /// Y, Y_h, Y_c, those that are given.
  func output(_ place: Int) -> Tensor? {
    place < outputNames.count ? tensors[outputNames[place]] : nil
  }
}

extension NodeVector.Tensor {
  /// TensorProto: dims 1, data_type 2 (FLOAT 1, INT32 6), float_data 4, int32_data 5, raw_data 9.
  init(_ tensor: ProtobufReader) throws {
    shape = tensor.numbers(1)
    let raw = tensor.bytes(9).first
    switch tensor.numbers(2) {
    case [1]: values = raw.map(ProtobufReader.floats) ?? tensor.floats(4)
    case [6]:
      values =
        raw.map { ProtobufReader.floats($0).map { Float(Int32(bitPattern: $0.bitPattern)) } }
        ?? tensor.numbers(5).map { Float($0) }
    default: throw CocoaError(.fileReadCorruptFile)
    }
    guard values.count == shape.reduce(1, *) else { throw CocoaError(.fileReadCorruptFile) }
  }

  /// With its first two axes changed: `[a, b, …]` as `[b, a, …]`.
  func swapped() -> NodeVector.Tensor {
    let (a, b) = (shape[0], shape[1])
    let rest = values.count / (a * b)
    var turned: [Float] = []
    for j in 0..<b {
      for i in 0..<a {
        let at = (i * b + j) * rest
        turned += values[at..<at + rest]
      }
    }
    return NodeVector.Tensor(shape: [b, a] + shape.dropFirst(2), values: turned)
  }
}
