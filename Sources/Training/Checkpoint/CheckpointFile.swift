import Diagnostics

/// A checkpoint: one safetensors file with tensors, state and checksums.
public final class CheckpointFile {
  /// A tensor of the file.
  public struct Tensor {
    public let name: String
    public let shape: [Int]
    /// Valid as long as the file object.
    public let values: UnsafeBufferPointer<Float>
  }

  public let path: String
  public let state: CheckpointState
  /// In file order: the model's, then `optimizer.*`.
  public let tensors: [Tensor]
  /// SHA-256 that covers the whole file.
  public let checksum: String

  /// Reads and verifies a checkpoint: structure, checksums, finite values. Nothing of a file with an error is used.
  /// Throws `missingInput`, `inputOutput` or `badData` with one line that names file and place.
  public init(reading path: String, fileSystem: FileSystem = .real) throws(Failure) { fatalError() }

  /// The tensor of that name with that shape, or a `Failure` that names file and tensor.
  public func tensor(_ name: String, shape: [Int]) throws(Failure) -> UnsafeBufferPointer<Float> {
    fatalError()
  }

  /// Writes a checkpoint durably under a temporary name, reads it back, and renames it.
  /// - Returns: bytes written.
  @discardableResult
  public static func write(
    _ state: CheckpointState, _ tensors: [NamedTensor], to path: String, fileSystem: FileSystem = .real
  ) throws(Failure) -> Int { fatalError() }
}
