import Diagnostics
import Files

extension CheckpointFile {
  /// Stands before the names of averaged parameters.
  static let averagePrefix = "average."

  /// The model's own tensors, without the optimizer's, averages and carried states.
  public var modelTensors: [Tensor] {
    tensors.filter { tensor in
      !["optimizer.", Self.averagePrefix, "carried."].contains { tensor.name.hasBytes(first: $0) }
    }
  }

  /// Writes the model's tensors, under PyTorch's names, as a safetensors file for other programs: the averages where there are such.
  /// Recipe, scales, vocabulary, classes and categories stand in its metadata, and whatever reads a checkpoint's model reads it.
  public func exportModel(to path: String) throws(Failure) {
    try exportModel(to: OutputFile(path, option: "the model"))
  }

  /// What `evaluate` measures under PyTorch's names: the averages where there are such, else the model's tensors.
  var exportedTensors: [(name: String, tensor: Tensor)] {
    let averages = tensors.filter { $0.name.hasBytes(first: Self.averagePrefix) }
    if averages.isEmpty { return modelTensors.map { ($0.name, $0) } }
    return averages.map { (String(Substring($0.name.utf8.dropFirst(Self.averagePrefix.utf8.count))), $0) }
  }

  package func exportModel(to output: OutputFile) throws(Failure) {
    let model = exportedTensors
    var header = SafetensorsHeader()
    header.metadata = [("format", "pt")]
    for (name, tensor) in model { try header.add(name, tensor.shape) }
    let head = try header.encoded()
    try head.withUnsafeBufferPointer { bytes throws(Failure) in
      try output.write(UnsafeRawBufferPointer(bytes))
    }
    for (_, tensor) in model {
      try tensor.withValues { values throws(Failure) in try output.write(UnsafeRawBufferPointer(values)) }
    }
    try output.close()
  }
}
