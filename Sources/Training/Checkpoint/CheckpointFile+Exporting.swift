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

  /// Writes the model's tensors alone, under PyTorch's names, as a safetensors file for other programs: the averages where
  /// there are such.
  public func exportModel(to path: String) throws(Failure) {
    try exportModel(to: OutputFile(path, option: "the model"))
  }

  package func exportModel(to output: OutputFile) throws(Failure) {
    let averages = tensors.filter { $0.name.hasBytes(first: Self.averagePrefix) }
    let model = averages.isEmpty ? modelTensors : averages
    func plain(_ tensor: Tensor) -> String {
      averages.isEmpty
        ? tensor.name : String(Substring(tensor.name.utf8.dropFirst(Self.averagePrefix.utf8.count)))
    }
    var header = SafetensorsHeader()
    header.metadata = [("format", "pt")]
    for tensor in model { try header.add(plain(tensor), tensor.shape) }
    let head = try header.encoded()
    try head.withUnsafeBufferPointer { bytes throws(Failure) in
      try output.write(UnsafeRawBufferPointer(bytes))
    }
    for tensor in model {
      try tensor.withValues { values throws(Failure) in try output.write(UnsafeRawBufferPointer(values)) }
    }
    try output.close()
  }
}
