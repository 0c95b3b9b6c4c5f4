/// The system calls that checkpoints make, in one place, so that tests can let each of them fail.
public struct FileSystem: Sendable {
  public static let real = FileSystem()
}
