import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A sum over ranks that is made bucket by bucket on a thread of its own, from the end of the values to their start, while the
/// start is still being computed.
///
/// Between `begin` and the return of `finish` nothing else of the group may be called: MPI is then used by the other thread, by one
/// at a time (`MPI_THREAD_SERIALIZED`). The thread waits with naps as long as this one computes.
final class OverlappedSum {
  /// When a bucket's sum began and ended, in nanoseconds of the monotonic clock.
  struct Interval: Sendable {
    var begin: UInt64 = 0
    var end: UInt64 = 0
  }

  private let group: any Communicator
  private let values: UnsafeMutableBufferPointer<Float>
  private let work: BucketQueue
  private var thread: pthread_t?
  /// Why there is none: told where it is waited for.
  private var notStarted: Failure?
  /// What is left for `finish`, in one message with other sums.
  private let last: Range<Int>

  /// - buckets: ranges from the end of the values to their start, at least two.
  init(
    _ group: any Communicator, _ values: UnsafeMutableBufferPointer<Float>, buckets: [Range<Int>]
  ) {
    self.group = group
    self.values = values
    last = buckets.last!
    work = BucketQueue(group, values, buckets.dropLast())
  }

  deinit {
    work.stop()
    if let thread { pthread_join(thread, nil) }
  }

  /// What adds; set before the first sum.
  var engine: SumEngine {
    get { work.engine }
    set { work.engine = newValue }
  }

  /// All of it at once, in the same messages: they give the same bits.
  func sumAfterwards(_ sums: UnsafeMutableBufferPointer<Double>) throws {
    for bucket in work.buckets {
      try group.addGradients(.init(rebasing: values[bucket]), .init(start: nil, count: 0), by: engine)
    }
    try group.addGradients(.init(rebasing: values[last]), sums, by: engine)
  }

  /// Nothing of the values is final yet.
  func begin() {
    if thread == nil {
      do { thread = try startThread { [work] in work.run() } } catch { notStarted = error }
    }
    group.leavesProcessor = true
    work.begin()
  }

  /// The values from this one to the last are final, and must not be touched until `finish` returns.
  func isFinal(from start: Int) { work.release(from: start) }

  /// Returns when all values are summed on this rank, and `sums` with them.
  func finish(_ sums: UnsafeMutableBufferPointer<Double>) throws {
    if let notStarted { throw notStarted }
    work.release(from: 0)
    group.leavesProcessor = false
    try work.wait()
    try group.addGradients(.init(rebasing: values[last]), sums, by: engine)
  }

  /// Of the buckets before the last one in the sum that was finished.
  var spans: [Interval] { work.spans }
}

/// What the two threads share.
private final class BucketQueue: @unchecked Sendable {
  let buckets: [Range<Int>]
  /// Changed before there is a thread.
  var engine = SumEngine.own
  private let values: UnsafeMutableBufferPointer<Float>
  private let group: any Communicator
  private let lock = ConditionLock()
  // Buckets that may be summed, and that are.
  private var released = 0
  private var done = 0
  private var isStopped = false
  private var failure: (any Error)?
  private(set) var spans: [OverlappedSum.Interval]

  init(
    _ group: any Communicator, _ values: UnsafeMutableBufferPointer<Float>,
    _ buckets: some Collection<Range<Int>>
  ) {
    self.group = group
    self.values = values
    self.buckets = Array(buckets)
    spans = Array(repeating: .init(), count: buckets.count)
  }

  func begin() { locked { (released, done) = (0, 0) } }

  func release(from start: Int) {
    locked { while released < buckets.count, buckets[released].lowerBound >= start { released += 1 } }
  }

  func stop() { locked { isStopped = true } }

  func wait() throws {
    try locked {
      while done < buckets.count, failure == nil { lock.wait() }
      if let failure { throw failure }
    }
  }

  /// The summing thread.
  func run() {
    while let index = next() {
      let bucket = UnsafeMutableBufferPointer(rebasing: values[buckets[index]])
      var error: (any Error)?
      let begin = monotonicNanoseconds()
      do { try group.addGradients(bucket, .init(start: nil, count: 0), by: engine) } catch let caught {
        error = caught
      }
      let span = OverlappedSum.Interval(begin: begin, end: monotonicNanoseconds())
      locked {
        spans[index] = span
        done += 1
        failure = failure ?? error
      }
    }
  }

  /// The next bucket once it is released; nil at the end.
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
