import Diagnostics
import Files

extension CheckpointFile {
  /// Stands before the names of averaged parameters.
  package static let averagePrefix = "average."

  /// The model's own tensors, without the optimizer's, averages and carried states.
  public var modelTensors: [StoredTensor] {
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
  var exportedTensors: [(name: String, tensor: StoredTensor)] {
    let averages = tensors.filter { $0.name.hasBytes(first: Self.averagePrefix) }
    if averages.isEmpty { return modelTensors.map { ($0.name, $0) } }
    return averages.map { (String(Substring($0.name.utf8.dropFirst(Self.averagePrefix.utf8.count))), $0) }
  }

  /// A checkpoint of the model alone: checksums, and what `ExportedModel` says for other programs.
  package func exportModel(to output: OutputFile) throws(Failure) {
    let model = exportedTensors
    var header = SafetensorsHeader()
    for (name, tensor) in model { try header.add(name, tensor.shape) }
    let digests = model.map { (Checksums.key(of: $0.name), $0.tensor.withValues(parametersSHA256)) }
    header.metadata = [
      ("sha256", Checksums.blank), ("format", "pt"), (Checksums.stateKey, JSON.text(of: state.exported)),
    ]
    header.metadata += try ExportedModel(state).metadata.map { ($0.key, $0.value) } + digests
    var head = try header.encoded()
    Checksums.sign(&head)
    try head.withUnsafeBufferPointer { bytes throws(Failure) in
      try output.write(UnsafeRawBufferPointer(bytes))
    }
    for (_, tensor) in model {
      try tensor.withValues { values throws(Failure) in try output.write(UnsafeRawBufferPointer(values)) }
    }
    try output.close()
  }

  /// The same as an archive that `numpy.load` reads: an array for each tensor under its name, and a text for each entry of
  /// `ExportedModel` under `metadata.` and its name.
  package func exportArrays(to output: OutputFile) throws(Failure) {
    var archive = ZipWriter(to: output)
    for (name, tensor) in exportedTensors {
      let shape = tensor.shape.map { "\($0)," }.joined(separator: " ")
      let head = Self.arrayHead("<f4", shape: "(\(shape))")
      try head.withUnsafeBufferPointer { head throws(Failure) in
        try tensor.withValues { values throws(Failure) in
          try archive.add(
            "\(name).npy", [UnsafeRawBufferPointer(head), UnsafeRawBufferPointer(values)])
        }
      }
    }
    for (key, value) in try ExportedModel(state).metadata {
      // NumPy's texts are UTF-32.
      let scalars = value.unicodeScalars.map(\.value.littleEndian)
      let bytes =
        Self.arrayHead("<U\(max(1, scalars.count))", shape: "()") + scalars.withUnsafeBytes { Array($0) }
      try bytes.withUnsafeBufferPointer { bytes throws(Failure) in
        try archive.add("metadata.\(key).npy", [UnsafeRawBufferPointer(bytes)])
      }
    }
    try archive.finish()
  }

  /// The first bytes of an `.npy` file: numbers begin at a multiple of 64 bytes, as NumPy writes them.
  private static func arrayHead(_ type: String, shape: String) -> [UInt8] {
    var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }"
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    let size = header.utf8.count
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(size & 255), UInt8(size >> 8)] + header.utf8
  }
}
