#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where a `Worker`'s pieces of work go.
package protocol WorkQueue: Sendable {
  func put(_ work: @escaping @Sendable () -> Void)
  /// There will be no more.
  func close()
  /// Returns when all that was put there is done.
  func waitUntilDone()
}

/// A thread that does one piece of work after the other. It is there from the beginning: where no thread can be had, that is said before
/// anything depends on it (a dispatch queue would wait for one without end).
package final class Worker: Sendable {
  /// What thread and owner share.
  private final class Desk: WorkQueue, @unchecked Sendable {
    private var mutex = pthread_mutex_t()
    private var changed = pthread_cond_t()
    private var waiting: [@Sendable () -> Void] = []
    private var isBusy = false
    private var isClosed = false

    init() {
      pthread_mutex_init(&mutex, nil)
      pthread_cond_init(&changed, nil)
    }

    deinit {
      pthread_cond_destroy(&changed)
      pthread_mutex_destroy(&mutex)
    }

    private func change<Result>(_ body: () -> Result) -> Result {
      pthread_mutex_lock(&mutex)
      defer {
        pthread_cond_broadcast(&changed)
        pthread_mutex_unlock(&mutex)
      }
      return body()
    }

    func put(_ work: @escaping @Sendable () -> Void) { change { waiting.append(work) } }
    func close() { change { isClosed = true } }

    func waitUntilDone() {
      pthread_mutex_lock(&mutex)
      while isBusy || !waiting.isEmpty { pthread_cond_wait(&changed, &mutex) }
      pthread_mutex_unlock(&mutex)
    }

    /// The next piece; nil once there will be none.
    private func take() -> (@Sendable () -> Void)? {
      pthread_mutex_lock(&mutex)
      defer { pthread_mutex_unlock(&mutex) }
      while waiting.isEmpty, !isClosed { pthread_cond_wait(&changed, &mutex) }
      guard !waiting.isEmpty else { return nil }
      isBusy = true
      return waiting.removeFirst()
    }

    func work() {
      while var piece = take() {
        piece()
        // What it holds goes before anybody hears that it is done: locks of a run among it.
        piece = {}
        change { isBusy = false }
      }
    }
  }

  private let desk: any WorkQueue

  /// Throws `unavailable` where the system gives no thread.
  package init() throws(Failure) {
    let desk = Desk()
    self.desk = desk
    pthread_detach(try startThread { desk.work() })
  }

  /// One whose work is done elsewhere.
  package init(_ queue: any WorkQueue) { desk = queue }

  /// What was started is still done.
  deinit { desk.close() }

  package func start(_ work: @escaping @Sendable () -> Void) { desk.put(work) }

  /// Returns when all that was started is done.
  package func wait() { desk.waitUntilDone() }
}
