import Diagnostics
import Synchronization

/// Writes the checkpoints of one run on a thread of its own, and knows which there are.
///
/// The owner touches snapshot, catalogue and `newest` only after `wait()`; the thread has them until then.
final class CheckpointWriter: @unchecked Sendable {
  /// The run's.
  private let run: Directory
  /// Of the checkpoints.
  let directory: Directory
  let snapshot = Snapshot()
  private(set) var catalogue: [CatalogueEntry] = []
  /// The last one.
  private(set) var newest: SavedCheckpoint?
  let metrics: MetricsLog
  private let retention: RunDirectory.Retention
  private let worker: Worker
  private let events = Mutex<[RunDirectory.Event]>([])
  private let failure = Mutex<Failure?>(nil)
  /// What was told of the indices, each once.
  // text: names of this program.
  private var toldOfIndex: Set<String> = []

  /// Makes the directory of checkpoints and the metrics log where they are missing.
  /// - worker: started before anything of the run is changed.
  init(in run: Directory, _ retention: RunDirectory.Retention, _ worker: Worker) throws(Failure) {
    self.run = run
    self.worker = worker
    self.retention = retention
    directory = try run.directory(RunDirectory.checkpoints, makes: true)!
    metrics = try MetricsLog(in: run)
    try run.synchronize()
  }

  /// Returns when nothing is being written.
  func wait() { worker.wait() }

  /// Starts to write the snapshot.
  func start() { worker.start { self.write() } }

  func report(_ event: RunDirectory.Event) { events.withLock { $0.append(event) } }

  func takeEvents() -> [RunDirectory.Event] {
    events.withLock { events in
      defer { events = [] }
      return events
    }
  }

  /// The first failure since this was called last.
  func takeFailure() -> Failure? {
    failure.withLock { failure in
      defer { failure = nil }
      return failure
    }
  }

  private func fail(_ error: Failure) {
    report(.failed(error))
    failure.withLock { $0 = $0 ?? error }
  }
}

extension CheckpointWriter {
  private func write() {
    guard let state = snapshot.state else { preconditionFailure("nothing was captured") }
    let clock = ContinuousClock()
    let start = clock.now
    var entry = CatalogueEntry(step: state.step, monitored: state.monitored, isVerified: false)
    let path = directory.path(entry.name)
    do throws(Failure) {
      try requireInPlace()
      // The lines that this checkpoint counts on must outlive a power loss too.
      try metrics.synchronize()
      let bytes = try CheckpointFile.write(snapshot, entry.name, in: directory)
      try requireInPlace()
      entry.isVerified = true
      add(entry)
      newest = SavedCheckpoint(place: state.place, path: path)
      let seconds = (clock.now - start) / .seconds(1)
      report(.saved(path: path, step: state.step, bytes: bytes, seconds: seconds))
    } catch {
      let isThere = (try? directory.kind(of: entry.name)) != nil
      if isThere, !catalogue.contains(where: { $0.step == entry.step }) { add(entry) }
      return fail(error)
    }
    updateIndex()
    rotate()
  }

  /// What goes into a directory that was moved away is saved where nobody looks for it.
  private func requireInPlace() throws(Failure) {
    try run.requireInPlace()
    try directory.requireInPlace()
  }

  /// Takes note of a checkpoint of an earlier process that is used or stays.
  func found(_ file: CheckpointFile) {
    add(CatalogueEntry(step: file.state.step, monitored: file.state.monitored, isVerified: true))
    guard newest.map({ $0.place.step < file.state.step }) ?? true else { return }
    newest = SavedCheckpoint(place: file.state.place, path: file.path)
  }

  private func add(_ entry: CatalogueEntry) {
    catalogue.removeAll { $0.step == entry.step }
    catalogue.append(entry)
  }

  /// Lets `latest` and `best` point to where they should. They are for people: no program trusts them, and nothing that stands in
  /// their place ends a run.
  func updateIndex() {
    let verified = catalogue.filter(\.isVerified)
    point("latest", to: verified.max { $0.step < $1.step })
    point("best", to: verified.byRank.first)
  }

  private func point(_ name: String, to entry: CatalogueEntry?) {
    let target = directory.linkTarget(name)
    if target == entry?.name { return }
    do throws(Failure) {
      guard let entry else { return try directory.remove(name) }
      try directory.replaceLink(name, to: entry.name)
    } catch {
      guard toldOfIndex.insert(error.message).inserted else { return }
      report(.note("\(error.message); \(name) is for people only, and the run goes on without it"))
    }
  }

  /// Called only when the newest checkpoint is durable.
  private func rotate() {
    for entry in catalogue.superfluous(retention) {
      do throws(Failure) {
        try directory.remove(entry.name)
        catalogue.removeAll { $0.step == entry.step }
        report(.removed(path: directory.path(entry.name)))
      } catch {
        fail(error)
      }
    }
  }
}

/// A checkpoint that was written and read back, or found and verified.
package struct SavedCheckpoint: Equatable {
  package let place: CheckpointState.RunPosition
  package let path: String
}
