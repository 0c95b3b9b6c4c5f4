import Diagnostics

/// The directory of a run: recipe, metrics log and checkpoints, locked by the process that owns it.
///
/// Used from one thread; saves are written by a thread of its own.
public final class RunDirectory {
  /// Which checkpoints stay. The last two valid ones and the best always do.
  public struct Retention: Equatable, Sendable {
    public var keepLast: Int
    public var keepBest: Int
    public init(keepLast: Int = 3, keepBest: Int = 1) {
      self.keepLast = keepLast
      self.keepBest = keepBest
    }
  }
  /// What happened since `takeEvents` was called last.
  public enum Event: Equatable, Sendable {
    /// The checkpoint is durable. `seconds`: what the writer thread took.
    case saved(path: String, step: Int, bytes: Int, seconds: Double)
    /// A checkpoint or index could not be written; older checkpoints are as they were.
    case failed(Failure)
    case removed(path: String)
    /// Leftovers of a killed run, a file that was set aside, …
    case note(String)
  }
  /// The outcome of looking for a checkpoint.
  public struct Search {
    public struct Skipped: Equatable, Sendable {
      public let path: String
      public let reason: String
    }
    public let file: CheckpointFile?
    /// Newer ones that can't be used, newest first.
    public let skipped: [Skipped]
  }

  /// Absolute.
  public let path: String
  /// Whether the next call throws after a failed save. If not, failures are events only, and training goes on.
  public var stopsOnSaveError = true

  /// A new run in `path`, which is made where it is missing. Writes `recipe.yaml`.
  ///
  /// Throws `usage` where the directory holds a run and `overwrite` is false, or holds anything else; `retry` where
  /// another process owns it; `inputOutput` where it can't be written.
  public init(
    creating path: String, recipe: String, overwrite: Bool = false, retention: Retention = Retention(),
    fileSystem: FileSystem = .real
  ) throws(Failure) { fatalError() }

  /// Takes over the run in `path`, and removes temporary files of killed processes. Follow with `newestValid` and `resume`.
  public init(
    resuming path: String, retention: Retention = Retention(), fileSystem: FileSystem = .real
  ) throws(Failure) { fatalError() }

  /// Whether `path` holds a run (for `--resume auto`).
  public static func holdsRun(_ path: String, fileSystem: FileSystem = .real) -> Bool { fatalError() }

  /// The newest checkpoint that can be used, and why newer ones can't. The index files are not consulted.
  public func newestValid() throws(Failure) -> Search { fatalError() }

  /// The valid checkpoint with the best monitored value.
  public func bestValid() throws(Failure) -> Search { fatalError() }

  /// Goes on from a checkpoint: cuts the metrics log to its length then, sets newer checkpoints aside under other names
  /// (nothing is deleted), and writes the recipe that is in effect from now on. With nil the run starts anew from step 0.
  public func resume(from file: CheckpointFile?, recipe: String) throws(Failure) { fatalError() }

  /// Appends one line (without its end) to `metrics.jsonl`.
  public func appendMetrics(_ line: String) throws(Failure) { fatalError() }

  /// Copies state and tensors, and returns: another thread writes `checkpoints/step-00001234.safetensors`.
  ///
  /// Waits first where the save before is still being written. Allocates only at the first call.
  /// Throws the failure of an earlier save (see `stopsOnSaveError`; then nothing is saved now), and `badData` at once
  /// where a value is not finite.
  public func save(_ state: CheckpointState, _ tensors: [NamedTensor]) throws(Failure) { fatalError() }

  /// Returns when all saves are durable, or throws why one is not.
  public func waitForSaves() throws(Failure) { fatalError() }

  /// Clears and returns what happened. Cheap enough for every step.
  public func takeEvents() -> [Event] { fatalError() }

  /// Waits for saves and gives up the lock.
  public func close() throws(Failure) { fatalError() }
}
