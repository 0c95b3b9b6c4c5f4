import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A thread that makes a few calls of a group, one after the other, while the thread that lets it goes on computing.
///
/// Between `begin` and the return of `wait` nothing else of the group may be called: MPI is then used by the other thread, by one
/// at a time (`MPI_THREAD_SERIALIZED`). The thread waits with naps as long as this one computes.
package final class SumThread {
  /// When a call began and ended, in nanoseconds of the monotonic clock.
  package struct Interval: Sendable {
    package var begin: UInt64 = 0
    package var end: UInt64 = 0
  }

  private let group: any Communicator
  private let queue: CallQueue
  private var thread: pthread_t?
  /// Why there is none: told where it is waited for.
  private var notStarted: Failure?

  /// - calls: how many there are each time.
  /// - call: makes one of them; what it holds lives as long as this.
  package init(_ group: any Communicator, calls: Int, _ call: @escaping (_ index: Int) throws -> Void) {
    self.group = group
    queue = CallQueue(calls, call)
  }

  deinit {
    queue.stop()
    if let thread { pthread_join(thread, nil) }
  }

  /// None of the calls may be made yet.
  package func begin() {
    if thread == nil {
      do { thread = try startThread { [queue] in queue.run() } } catch { notStarted = error }
    }
    group.leavesProcessor = true
    queue.begin()
  }

  /// The first so many calls may be made; what they use must not be touched until `wait` returns.
  package func release(_ count: Int) { queue.release(count) }

  /// Returns when all calls are made; the group is this thread's again.
  package func wait() throws {
    if let notStarted { throw notStarted }
    group.leavesProcessor = false
    try queue.wait()
  }

  /// Of the calls that were made last.
  package var spans: [Interval] { queue.spans }
}

/// What the two threads share.
private final class CallQueue: @unchecked Sendable {
  private let count: Int
  private let call: (Int) throws -> Void
  private let lock = ConditionLock()
  // Calls that may be made, and that are.
  private var released = 0
  private var done = 0
  private var isStopped = false
  private var failure: (any Error)?
  private(set) var spans: [SumThread.Interval]

  init(_ count: Int, _ call: @escaping (Int) throws -> Void) {
    (self.count, self.call) = (count, call)
    spans = Array(repeating: .init(), count: count)
  }

  func begin() { locked { (released, done) = (0, 0) } }
  func release(_ count: Int) { locked { released = max(released, count) } }
  func stop() { locked { isStopped = true } }

  func wait() throws {
    try locked {
      while done < count, failure == nil { lock.wait() }
      if let failure { throw failure }
    }
  }

  /// The other thread.
  func run() {
    while let index = next() {
      var error: (any Error)?
      let begin = monotonicNanoseconds()
      do { try call(index) } catch let caught { error = caught }
      let span = SumThread.Interval(begin: begin, end: monotonicNanoseconds())
      locked {
        spans[index] = span
        done += 1
        failure = failure ?? error
      }
    }
  }

  /// The next call once it is released; nil at the end.
  private func next() -> Int? {
    locked {
      while !isStopped, done >= released { lock.wait() }
      return isStopped ? nil : done
    }
  }

  private func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
    try lock.locked {
      defer { lock.notifyAll() }
      return try body()
    }
  }
}
