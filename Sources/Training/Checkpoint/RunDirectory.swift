import Diagnostics

/// The directory of a run: recipe, metrics log and checkpoints, locked by the process that owns it.
///
/// Used from one thread; checkpoints are written by a thread of its own.
public final class RunDirectory {
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

  /// Absolute.
  public let path: String
  /// Whether the next call throws after a failed save. If not, failures are events only, and training goes on.
  public var stopsOnSaveError = true
  let fileSystem: FileSystem
  let writer: CheckpointWriter
  /// What `hold` copied; nil state for nothing.
  private let held = Snapshot()
  private let lock: RunLock
  private var isOpen = true

  /// A new run in `path`, which is made where it is missing. Writes `recipe.yaml`.
  ///
  /// Throws `usage` where the directory holds a run and `overwrite` is false, or holds anything else; `retry` where
  /// another process owns it; `inputOutput` where it can't be written. With `overwrite` the files of the run that was
  /// there are removed; files that are not a run's stay.
  public init(
    creating path: String, recipe: String, overwrite: Bool = false, retention: Retention = Retention(),
    fileSystem: FileSystem = .real
  ) throws(Failure) {
    self.path = FileSystem.absolute(path)
    self.fileSystem = fileSystem
    try RunDirectory.requireFree(self.path, overwrite: overwrite, fileSystem)
    try fileSystem.makeDirectories(self.path)
    lock = try RunLock(self.path, fileSystem)
    // Another process may have been faster before the lock was held.
    try RunDirectory.requireFree(self.path, overwrite: overwrite, fileSystem)
    try RunDirectory.clear(self.path, fileSystem)
    writer = try RunDirectory.open(self.path, retention, fileSystem)
    try fileSystem.replace("\(self.path)/recipe.yaml", with: recipe)
    lock.note.map { writer.report(.note($0)) }
  }

  /// Takes over the run in `path`, and removes temporary files of killed processes. Follow with `newestValid` and `resume`.
  ///
  /// Throws `missingInput` where there is no run, `retry` where another process owns it.
  public init(
    resuming path: String, retention: Retention = Retention(), fileSystem: FileSystem = .real
  ) throws(Failure) {
    self.path = FileSystem.absolute(path)
    self.fileSystem = fileSystem
    guard RunDirectory.holdsRun(self.path, fileSystem: fileSystem) else {
      throw .missingInput("\(self.path) holds no run to resume; start it without --resume")
    }
    lock = try RunLock(self.path, fileSystem)
    writer = try RunDirectory.open(self.path, retention, fileSystem)
    lock.note.map { writer.report(.note($0)) }
    try removeLeftovers()
  }

  /// Waits for saves and gives up the lock. Throws the failure of an earlier save (see `stopsOnSaveError`).
  public func close() throws(Failure) {
    guard isOpen else { return }
    isOpen = false
    writer.wait()
    try writer.metrics.close()
    try lock.release()
    try throwFailure()
  }

  deinit { writer.wait() }
}

extension RunDirectory {
  /// Appends one line (without its end) to `metrics.jsonl`.
  public func appendMetrics(_ line: String) throws(Failure) { try writer.metrics.append(line) }

  /// Copies state and tensors, and returns: another thread writes `checkpoints/step-00001234.safetensors`.
  ///
  /// Waits first where the save before is still being written. Allocates memory for tensors only at the first call.
  /// Throws the failure of an earlier save (see `stopsOnSaveError`; then nothing is saved now), and `badData` at once
  /// where a value is not finite.
  public func save(_ state: CheckpointState, _ tensors: [NamedTensor]) throws(Failure) {
    try start(counting(state), tensors)
  }

  /// Copies state and tensors like `save`, but writes nothing: `saveHeld` does. What was held before is let go.
  public func hold(_ state: CheckpointState, _ tensors: [NamedTensor]) throws(Failure) {
    try held.capture(counting(state), tensors)
  }

  /// Saves what is held, if anything, as `save` does.
  public func saveHeld() throws(Failure) {
    guard let state = held.state else { return }
    held.forget()
    try start(state, held.tensors)
  }

  /// Lets go of what is held.
  public func forgetHeld() { held.forget() }

  private func counting(_ state: CheckpointState) -> CheckpointState {
    var state = state
    state.metricsBytes = writer.metrics.count
    return state
  }

  private func start(_ state: CheckpointState, _ tensors: [NamedTensor]) throws(Failure) {
    precondition(isOpen, "the run directory was closed")
    try waitForSaves()
    try writer.snapshot.capture(state, tensors)
    writer.start()
  }

  /// The best checkpoint that is durable, once saves have been waited for.
  var bestPath: String? { writer.catalogue.filter(\.isVerified).byRank.first.map { writer.path($0.name) } }

  /// Writes a file beside `metrics.jsonl`, durably and whole or not at all.
  func write(_ name: String, _ text: String) throws(Failure) {
    try fileSystem.replace("\(path)/\(name)", with: text)
  }

  /// Returns when all saves are durable, or throws why one is not (see `stopsOnSaveError`).
  public func waitForSaves() throws(Failure) {
    writer.wait()
    try throwFailure()
  }

  /// Clears and returns what happened. Cheap enough for every step.
  public func takeEvents() -> [Event] { writer.takeEvents() }

  func throwFailure() throws(Failure) {
    if let failure = writer.takeFailure(), stopsOnSaveError { throw failure }
  }
}
