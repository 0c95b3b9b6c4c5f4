import Diagnostics

extension CheckpointFile {
  /// Writes the model's tensors alone, under PyTorch's names, as a safetensors file for other programs.
  public func exportModel(to path: String, fileSystem: FileSystem = .real) throws(Failure) {
    let model = tensors.filter { !$0.name.hasPrefix("optimizer.") }
    var header = SafetensorsHeader()
    header.metadata = [("format", "pt")]
    for tensor in model { try header.add(tensor.name, tensor.shape) }
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
