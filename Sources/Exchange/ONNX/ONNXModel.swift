import Diagnostics

/// A file of ONNX, as bytes: onnx.proto's `ModelProto`.
///
/// Field numbers are those of github.com/onnx/onnx/blob/main/onnx/onnx.proto. Operators are of opset 17, which came with version 8 of
/// the format (ONNX 1.12): the first that has layer normalization.
package struct ONNXModel {
  package static let opset = 17
  private static let formatVersion = 8
  /// What a message of Protocol Buffers may have; larger models would need their tensors in files of their own.
  package static let mostBytes = 1 << 31 - 1

  package let bytes: [UInt8]

  /// - metadata: what else other programs should know, under these names.
  init(_ graph: ONNXGraph, metadata: [(key: String, value: String)]) throws(Failure) {
    var (model, operators) = (ProtobufMessage(), ProtobufMessage())
    // ir_version 1, producer_name 2, graph 7, opset_import 8, metadata_props 14.
    model.add(1, Self.formatVersion)
    model.add(2, "recur")
    model.add(7, graph.message)
    // `OperatorSetIdProto`: domain 1, "" for ONNX's own; version 2.
    operators.add(1, "")
    operators.add(2, Self.opset)
    model.add(8, operators)
    for (key, value) in metadata {
      // `StringStringEntryProto`: key 1, value 2.
      var entry = ProtobufMessage()
      entry.add(1, key)
      entry.add(2, value)
      model.add(14, entry)
    }
    guard model.bytes.count <= Self.mostBytes else { throw Self.tooLarge }
    bytes = model.bytes
  }

  static let tooLarge = Failure.badData(
    "the model is larger than 2 GiB, which a file of ONNX can't be; use --safetensors")
}
