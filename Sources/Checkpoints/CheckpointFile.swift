import Diagnostics

/// A checkpoint: one safetensors file with tensors, state and checksums. Having one means that it was verified.
public final class CheckpointFile {
  /// A tensor of the file. It keeps the file's memory alive.
  public struct StoredTensor: Sendable {
    public let name: String
    public let shape: [Int]
    fileprivate let range: Range<Int>
    fileprivate let payload: AlignedBytes
  }

  public let path: String
  public let state: CheckpointState
  /// In file order: the model's, then `optimizer.*`.
  public let tensors: [StoredTensor]
  /// Of each name's bytes its place in `tensors`.
  private let places: [[UInt8]: Int]
  /// SHA-256 that covers the whole file.
  public let checksum: String

  /// Reads and verifies a checkpoint: structure, checksums, finite values. Nothing of a file with an error is used.
  ///
  /// Takes memory of the file's size and a small multiple of its header's. Throws `missingInput`, `inputOutput` or
  /// `badData` with one line that names file and place.
  public convenience init(reading path: String, fileSystem: FileSystem = .real) throws(Failure) {
    try self.init(fileSystem.open(reading: path))
  }

  /// Reads and verifies an open file, which it closes.
  init(_ file: OpenFile) throws(Failure) {
    path = file.path
    let size = try file.size()
    do throws(Failure) {
      let head = try SafetensorsHeader.head(of: file, size: size)
      defer { withExtendedLifetime(head) {} }
      checksum = try Self.checksum(of: head, size: size)
      let text = UnsafeRawBufferPointer(rebasing: head.bytes[8...])
      let header = try SafetensorsHeader(parsing: text, payload: size - head.bytes.count)
      state = try CheckpointState(parsing: header[metadata: Checksums.stateKey])
      let payload = try AlignedBytes(count: header.payload)
      guard try file.read(into: payload.bytes) == payload.bytes.count else {
        throw Failure.badData("it became shorter while it was read")
      }
      let tensors = try CheckpointFile.verified(header, payload)
      self.tensors = tensors
      places = Dictionary(tensors.indices.map { (Array(tensors[$0].name.utf8), $0) }) { first, _ in first }
    } catch {
      throw error.located(at: path)
    }
    try file.close()
  }

  /// The tensor of that name, or a `Failure` that names file and tensor where there is none of that shape.
  public func tensor(_ name: String, shape: [Int]) throws(Failure) -> StoredTensor {
    guard let tensor = places[Array(name.utf8)].map({ tensors[$0] }) else {
      throw .badData("\(path): there is no tensor \(name); the checkpoint is of another model")
    }
    guard tensor.shape == shape else {
      throw .badData("\(path): tensor \(name) has shape \(tensor.shape), the model needs \(shape)")
    }
    return tensor
  }
}

extension CheckpointFile.StoredTensor {
  /// A copy of the values, in C order.
  public var values: [Float] { withValues { Array($0) } }

  /// Copies the values; the sizes must be the same.
  package func copy(to target: UnsafeMutableBufferPointer<Float>) {
    withValues { values in
      precondition(values.count == target.count, "\(name) has \(values.count) values, not \(target.count)")
      _ = target.update(fromContentsOf: values)
    }
  }

  /// The values are valid only until `body` returns.
  package func withValues<Result, E: Error>(
    _ body: (UnsafeBufferPointer<Float>) throws(E) -> Result
  ) throws(E) -> Result {
    // Without this the memory may be freed as soon as its address is known.
    defer { withExtendedLifetime(payload) {} }
    let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(payload.bytes)[range])
    return try body(bytes.assumingMemoryBound(to: Float.self))
  }
}

extension CheckpointFile {
  /// The verified checksum of length and header. What another program wrote again is told from what is damaged.
  private static func checksum(of head: AlignedBytes, size: Int) throws(Failure) -> String {
    do throws(Failure) {
      return try Checksums.verified(UnsafeRawBufferPointer(head.bytes))
    } catch {
      throw isRewritten(head, size: size) ? .badData(Checksums.rewritten) : error
    }
  }

  /// Whether another program has written a checkpoint again, whose header this is.
  /// - size: of the file.
  static func isRewritten(_ head: AlignedBytes, size: Int) -> Bool {
    defer { withExtendedLifetime(head) {} }
    let text = UnsafeRawBufferPointer(rebasing: head.bytes[8...])
    let header = try? SafetensorsHeader(parsing: text, payload: size - head.bytes.count)
    return header.map(Checksums.areRewritten) ?? false
  }
}

extension SafetensorsHeader {
  /// Length and header of an open file. Its length is checked against the file's before memory is taken.
  /// - kind: what the file should be, for messages.
  static func head(of file: OpenFile, size: Int, _ kind: String = "checkpoint") throws(Failure)
    -> AlignedBytes
  {
    var prefix: UInt64 = 0
    let count = try withUnsafeMutableBytes(of: &prefix) { bytes throws(Failure) in try file.read(into: bytes)
    }
    guard count == 8, size > 8 else { throw .badData("it has \(size) bytes, too few for a \(kind)") }
    let length = UInt64(littleEndian: prefix)
    if length > longest, let what = otherKind(withUnsafeBytes(of: prefix) { Array($0) }) {
      throw .badData("it is \(what), and no \(kind)")
    }
    guard length >= 2, length <= longest, length <= size - 8 else {
      throw .badData(
        "its header would have \(length) bytes, the file has \(size): it is cut short or no \(kind)")
    }
    let head = try AlignedBytes(count: 8 + Int(length))
    withUnsafeBytes(of: prefix) { head.bytes.copyMemory(from: $0) }
    let text = UnsafeMutableRawBufferPointer(rebasing: head.bytes[8...])
    guard try file.read(into: text) == text.count else {
      throw .badData("it became shorter while it was read")
    }
    return head
  }

  /// What a file is that begins with these eight bytes, in place of a header's length; nil where that does not show.
  private static func otherKind(_ start: [UInt8]) -> String? {
    let marks: [(start: [UInt8], kind: String)] = [
      ([0x50, 0x4B, 3, 4], "a ZIP archive, as .npz and .pt files are"), ([0x1F, 0x8B], "compressed by gzip"),
      ([0x93] + Array("NUMPY".utf8), "an array of NumPy"), ([0x89] + Array("HDF".utf8), "HDF5"),
    ]
    if let mark = marks.first(where: { start.starts(with: $0.start) }) { return mark.kind }
    let isText = start.allSatisfy { (32...126).contains($0) || (9...13).contains($0) }
    return isText ? "a text that begins with \(quoted(start))" : nil
  }
}

extension CheckpointFile {
  private static func verified(_ header: SafetensorsHeader, _ payload: AlignedBytes) throws(Failure)
    -> [StoredTensor]
  {
    let checksums = Dictionary(uniqueKeysWithValues: header.metadata.map { (Name($0.key), $0.value) })
    var tensors: [StoredTensor] = []
    for tensor in header.tensors {
      guard tensor.type == "F32" else {
        throw .badData("tensor \(tensor.name) has type \(tensor.type); checkpoints hold F32 only")
      }
      let read = StoredTensor(name: tensor.name, shape: tensor.shape, range: tensor.range, payload: payload)
      guard checksums[Name(Checksums.key(of: tensor.name))] == read.withValues(parametersSHA256) else {
        throw .badData("tensor \(tensor.name) does not match its checksum: the file is damaged")
      }
      guard read.withValues(allFinite) else {
        throw .badData("tensor \(tensor.name) holds values that are not finite")
      }
      tensors.append(read)
    }
    return tensors
  }
}

extension Failure {
  /// The same failure, with the path before its message where it is not there yet.
  func located(at path: String) -> Failure {
    message.contains(path) ? self : Failure(kind, "\(path): \(message)")
  }
}
