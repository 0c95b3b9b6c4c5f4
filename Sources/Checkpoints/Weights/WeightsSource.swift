import Diagnostics
import Files

/// The tensors that `train.init_from` names: of a safetensors file, of a folder with one or with parts that an index lists, of a
/// checkpoint, or of the best one of a run. Nothing is changed, and nothing is executed.
package struct WeightsSource {
  package struct LazyTensor {
    package let name: String
    package let shape: [Int]
    /// As the file has it, for example `F16`.
    package let type: String
    /// Its values as float32.
    package let values: () throws(Failure) -> [Float]
  }

  /// Of the file that was read, or the index.
  package let path: String
  package let tensors: [LazyTensor]
  /// Where it was a checkpoint: what its run knew of its data.
  package let state: CheckpointState?
  /// What a file of another kind says besides its tensors.
  package let metadata: [(key: String, value: String)]
  /// Why newer or better checkpoints of a run were not taken.
  package let skipped: [RunDirectory.Search.Skipped]

  package static let indexName = "model.safetensors.index.json"

  package init(_ path: String, fileSystem: FileSystem = .real) throws(Failure) {
    let path = FileSystem.absolute(path)
    guard fileSystem.isDirectory(path) else {
      // text: a suffix in ASCII.
      self = try path.hasSuffix(".index.json") ? Self(index: path, fileSystem) : Self(file: path, fileSystem)
      return
    }
    if RunDirectory.holdsRun(path, fileSystem: fileSystem) {
      self.init(try RunDirectory.checkpoint(at: path, choosing: .best, fileSystem: fileSystem))
    } else if fileSystem.exists("\(path)/\(Self.indexName)") {
      try self.init(index: "\(path)/\(Self.indexName)", fileSystem)
    } else if fileSystem.exists("\(path)/model.safetensors") {
      try self.init(file: "\(path)/model.safetensors", fileSystem)
    } else {
      throw .missingInput(
        "\(path) holds no run, no model.safetensors and no \(Self.indexName); name a safetensors file")
    }
  }

  package init(path: String, tensors: [LazyTensor], metadata: [(key: String, value: String)] = []) {
    (self.path, self.tensors, state, skipped) = (path, tensors, nil, [])
    self.metadata = metadata
  }

  private init(file path: String, _ fileSystem: FileSystem) throws(Failure) {
    if try Self.isCheckpoint(path, fileSystem) {
      let file = try CheckpointFile(reading: path, fileSystem: fileSystem)
      self.init(RunDirectory.Search(file: file, skipped: []))
    } else {
      let file = try WeightsFile(reading: path, fileSystem)
      self.init(path: path, tensors: file.named, metadata: file.metadata)
    }
  }

  /// The model's tensors, the averages where there are such: what `evaluate` and `export` take.
  private init(_ search: RunDirectory.Search) {
    guard let file = search.file else { preconditionFailure("a search without a file throws") }
    path = file.path
    state = file.state
    skipped = search.skipped
    metadata = []
    tensors = file.exportedTensors.map { name, tensor in
      LazyTensor(name: name, shape: tensor.shape, type: FloatType.single.rawValue) { tensor.values }
    }
  }

  /// Whether it begins as checkpoints do, whose checksums are then verified, and is not what another program wrote again: its
  /// metadata say nothing about its tensors any more.
  private static func isCheckpoint(_ path: String, _ fileSystem: FileSystem) throws(Failure) -> Bool {
    let file = try fileSystem.open(reading: path)
    let size = try file.size()
    var start = [UInt8](repeating: 0, count: 8 + Checksums.prefix.count)
    let count = try start.withUnsafeMutableBufferPointer { bytes throws(Failure) in
      try file.read(into: UnsafeMutableRawBufferPointer(bytes))
    }
    guard start[..<count].dropFirst(8).elementsEqual(Checksums.prefix) else {
      try file.close()
      return false
    }
    try file.seek(to: 0)
    let head = try? SafetensorsHeader.head(of: file, size: size)
    try file.close()
    guard let head else { return true }
    defer { withExtendedLifetime(head) {} }
    let isVerified = (try? Checksums.verified(UnsafeRawBufferPointer(head.bytes))) != nil
    return isVerified || !CheckpointFile.isRewritten(head, size: size)
  }
}

extension WeightsFile {
  package var named: [WeightsSource.LazyTensor] {
    tensors.map { tensor in
      WeightsSource.LazyTensor(name: tensor.name, shape: tensor.shape, type: tensor.type) {
        () throws(Failure) in try self.values(of: tensor)
      }
    }
  }
}
