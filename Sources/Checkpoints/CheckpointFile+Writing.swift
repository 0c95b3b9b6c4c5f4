import Diagnostics

extension CheckpointFile {
  /// Writes a checkpoint durably: under a temporary name, synchronized, read back, then renamed, the directory synchronized.
  /// - Returns: bytes written.
  @discardableResult
  package static func write(
    _ state: CheckpointState, _ tensors: [NamedTensor], to path: String, fileSystem: FileSystem = .real
  ) throws(Failure) -> Int {
    let snapshot = Snapshot()
    try snapshot.capture(state, tensors)
    let (directory, name) = try fileSystem.place(path)
    return try write(snapshot, name, in: directory)
  }

  static func write(_ snapshot: Snapshot, _ name: String, in directory: Directory) throws(Failure) -> Int {
    let head = try snapshot.head()
    try directory.replace(name) { temporary throws(Failure) in
      let file = try directory.open(temporary, .create)
      try head.withUnsafeBufferPointer { bytes throws(Failure) in
        try file.write(UnsafeRawBufferPointer(bytes))
      }
      try file.write(snapshot.payload)
      try file.synchronize()
      try file.close()
      try readBack(head, snapshot, from: directory.open(temporary, .read))
    }
    return head.count + snapshot.payload.count
  }

  /// Throws unless the file holds exactly what was meant to be written, and the reader understands it.
  private static func readBack(
    _ head: [UInt8], _ snapshot: Snapshot, from file: OpenFile
  ) throws(Failure) {
    let size = try file.size()
    guard size == head.count + snapshot.payload.count else { throw differs(file.path) }
    let chunk = try AlignedBytes(count: 1 << 20)
    defer { withExtendedLifetime((chunk, snapshot)) {} }
    try head.withUnsafeBufferPointer { head throws(Failure) in
      let bytes = UnsafeRawBufferPointer(head)
      try compare(bytes, file, chunk)
      let text = UnsafeRawBufferPointer(rebasing: bytes[8...])
      do throws(Failure) {
        let header = try SafetensorsHeader(parsing: text, payload: size - bytes.count)
        _ = try CheckpointState(parsing: header[metadata: Checksums.stateKey])
      } catch {
        throw error.located(at: file.path)
      }
    }
    try compare(snapshot.payload, file, chunk)
    try file.close()
  }

  /// Throws unless the file goes on with these bytes.
  private static func compare(
    _ bytes: UnsafeRawBufferPointer, _ file: OpenFile, _ chunk: AlignedBytes
  ) throws(Failure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(chunk.bytes.count))
      let target = UnsafeMutableRawBufferPointer(rebasing: chunk.bytes[..<part.count])
      guard try file.read(into: target) == part.count, equal(part, target) else {
        throw differs(file.path)
      }
      rest = rest.dropFirst(part.count)
    }
  }

  private static func differs(_ path: String) -> Failure {
    .inputOutput("\(path): what was read back is not what was written; check the disk")
  }
}
