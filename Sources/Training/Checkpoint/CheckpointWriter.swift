import Diagnostics
import Dispatch
import Synchronization

/// Writes the checkpoints of one run on a thread of its own, and knows which there are.
///
/// The owner touches snapshot and catalogue only after `wait()`; the thread has them until then.
final class CheckpointWriter: @unchecked Sendable {
  let directory: String
  let snapshot = Snapshot()
  var catalogue: [CatalogueEntry] = []
  let metrics: MetricsLog
  private let fileSystem: FileSystem
  private let retention: RunDirectory.Retention
  private let queue = DispatchQueue(label: "checkpoints")
  private let events = Mutex<[RunDirectory.Event]>([])
  private let failure = Mutex<Failure?>(nil)

  init(
    directory: String, metrics: MetricsLog, retention: RunDirectory.Retention, fileSystem: FileSystem
  ) {
    self.directory = directory
    self.metrics = metrics
    self.retention = retention
    self.fileSystem = fileSystem
  }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  /// Returns when nothing is being written.
  func wait() { queue.sync {} }

  /// Starts to write the snapshot.
  func start() { queue.async { self.write() } }

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
    let path = path(entry.name)
    do throws(Failure) {
      // The lines that this checkpoint counts on must outlive a power loss too.
      try metrics.synchronize()
      let bytes = try CheckpointFile.write(snapshot, to: path, fileSystem)
      entry.isVerified = true
      add(entry)
      let seconds = (clock.now - start) / .seconds(1)
      report(.saved(path: path, step: state.step, bytes: bytes, seconds: seconds))
    } catch {
      if fileSystem.exists(path), !catalogue.contains(where: { $0.step == entry.step }) { add(entry) }
      return fail(error)
    }
    updateIndex()
    rotate()
  }

  private func add(_ entry: CatalogueEntry) {
    catalogue.removeAll { $0.step == entry.step }
    catalogue.append(entry)
  }

  /// Lets `latest` and `best` point to where they should. They are for people: no program trusts them.
  func updateIndex() {
    let verified = catalogue.filter(\.isVerified)
    point("latest", to: verified.max { $0.step < $1.step })
    point("best", to: verified.byRank.first)
  }

  private func point(_ name: String, to entry: CatalogueEntry?) {
    let target = fileSystem.linkTarget(path(name))
    if target == entry?.name { return }
    do throws(Failure) {
      guard let entry else { return try fileSystem.remove(path(name)) }
      try fileSystem.replaceLink(path(name), to: entry.name)
    } catch {
      fail(error)
    }
  }

  /// Called only when the newest checkpoint is durable.
  private func rotate() {
    for entry in catalogue.superfluous(retention) {
      do throws(Failure) {
        try fileSystem.remove(path(entry.name))
        catalogue.removeAll { $0.step == entry.step }
        report(.removed(path: path(entry.name)))
      } catch {
        fail(error)
      }
    }
  }
}
