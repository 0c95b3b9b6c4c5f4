import Diagnostics

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
  public func exportModel(to path: String, fileSystem: FileSystem = .real) throws(Failure) {
    let averages = tensors.filter { $0.name.hasBytes(first: Self.averagePrefix) }
    let model = averages.isEmpty ? modelTensors : averages
    func name(_ tensor: Tensor) -> String {
      averages.isEmpty
        ? tensor.name : String(Substring(tensor.name.utf8.dropFirst(Self.averagePrefix.utf8.count)))
    }
    var header = SafetensorsHeader()
    header.metadata = [("format", "pt")]
    for tensor in model { try header.add(name(tensor), tensor.shape) }
    let head = try header.encoded()
    try fileSystem.replace(path) { temporary throws(Failure) in
      let file = try fileSystem.open(temporary, .create)
      try head.withUnsafeBufferPointer { bytes throws(Failure) in
        try file.write(UnsafeRawBufferPointer(bytes))
      }
      for tensor in model {
        try tensor.withValues { values throws(Failure) in try file.write(UnsafeRawBufferPointer(values)) }
      }
      try file.synchronize()
      try file.close()
    }
  }
}
