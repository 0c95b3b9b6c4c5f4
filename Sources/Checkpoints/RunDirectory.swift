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
  public var path: String { directory.path }
  /// Whether the next call throws after a failed save. If not, failures are events only, and training goes on.
  public var stopsOnSaveError = true
  package let directory: Directory
  let writer: CheckpointWriter
  /// What `hold` copied; nil state for nothing.
  private let held = Snapshot()
  private let lock: RunLock
  /// Of what was handed to be saved last.
  var handed: CheckpointState.RunPosition?
  private var isOpen = true

  init(_ directory: Directory, _ lock: RunLock, _ writer: CheckpointWriter) {
    self.directory = directory
    self.lock = lock
    self.writer = writer
    lock.note.map { writer.report(.note($0)) }
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

/// What is saved: derived from what was read back, never from what was meant to be.
extension RunDirectory {
  /// The newest checkpoint that this process has written and read back, or has found and verified. Waits for saves; throws why
  /// one failed (see `stopsOnSaveError`), and where the directory is not in its place any more.
  package func newestSaved() throws(Failure) -> SavedCheckpoint? {
    try waitForSaves()
    try directory.requireInPlace()
    return writer.newest
  }

  /// Whether the state of this place is saved, or was handed to be saved and nothing was since.
  package func isHanded(_ place: CheckpointState.RunPosition) -> Bool { handed == place }
}

extension RunDirectory {
  /// Appends one line (without its end) to `metrics.jsonl`.
  public func appendMetrics(_ line: String) throws(Failure) { try writer.metrics.append(line) }

  /// Copies state and tensors, and returns: another thread writes `checkpoints/step-00001234.safetensors`.
  ///
  /// Waits first where the save before is still being written. Allocates memory for tensors only at the first call.
  /// Throws the failure of an earlier save (see `stopsOnSaveError`; then nothing is saved now), and `badData` at once
  /// where a value is not finite.
  package func save(_ state: CheckpointState, _ tensors: [NamedTensor]) throws(Failure) {
    try start(counting(state), tensors)
  }

  /// Copies state and tensors like `save`, but writes nothing: `saveHeld` does. What was held before is let go.
  package func hold(_ state: CheckpointState, _ tensors: [NamedTensor]) throws(Failure) {
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
    handed = nil
    try writer.snapshot.capture(state, tensors)
    handed = state.place
    writer.start()
  }

  /// The best checkpoint that is durable, once saves have been waited for.
  /// - metric: what it was measured by; nil for any.
  package func bestPath(by metric: MetricName? = nil) -> String? {
    let name = metric.map { Name($0.description) }
    let entries = writer.catalogue.filter { $0.isVerified && (name == nil || $0.metric == name) }
    return entries.byRank.first.map { writer.directory.path($0.name) }
  }

  /// Writes a file beside `metrics.jsonl`, durably and whole or not at all.
  package func write(_ name: String, _ text: String) throws(Failure) {
    try directory.replace(name, with: text)
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
