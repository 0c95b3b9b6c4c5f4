import Batches
import Collective
import Dataset
import Diagnostics
import Dispatch

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Gives batches one after the other. Where gathering one takes long enough to be worth a thread (large samples, files that are
/// still on disk), the next one is gathered while the last is used.
///
/// Used from one thread at a time.
package final class BatchPipeline {
  private let set: any SampleSet
  private let capacity: Int
  private let worthwhile: UInt64
  private var current: Batch
  private var ahead: BatchAhead?
  /// Batches in a row that took long: one alone may have been held up by something else.
  private var slow = 0
  private static let enough = 4

  /// - capacity: samples of the largest batch.
  /// - worthwhile: the time of gathering, in nanoseconds, from which on a thread does it; handing over a batch takes some ten
  ///   thousand.
  package init(_ set: any SampleSet, capacity: Int, worthwhile: UInt64 = 50_000) {
    self.set = set
    self.capacity = capacity
    self.worthwhile = worthwhile
    current = Batch(set.shape, capacity: capacity)
  }

  /// The batch of these samples; it stays as it is until the next call.
  /// - following: the samples that will be asked for next, where they are known.
  package func next(
    _ samples: UnsafeBufferPointer<Int32>, following: UnsafeBufferPointer<Int32>?
  ) -> Batch {
    if ahead?.exchange(&current, for: samples) != true {
      let start = monotonicNanoseconds()
      set.gather(samples, into: current)
      slow = monotonicNanoseconds() - start >= worthwhile ? slow + 1 : 0
      if ahead == nil, slow >= Self.enough {
        // Without a thread it goes on as before.
        ahead = try? BatchAhead(set, Batch(set.shape, capacity: capacity))
        slow = 0
      }
    }
    if let following, let ahead { ahead.start(following) }
    return current
  }
}

/// A thread that gathers one batch at a time.
private final class BatchAhead: @unchecked Sendable {
  // The thread owns these from `begin` to `end`; the user of the pipeline owns them otherwise.
  private let set: any SampleSet
  private var batch: Batch
  private let samples: UnsafeMutableBufferPointer<Int32>
  private var count = 0
  private var stops = false
  private let begin = DispatchSemaphore(value: 0)
  private let end = DispatchSemaphore(value: 0)
  private var isBusy = false
  private var hasThread = false

  init(_ set: any SampleSet, _ batch: Batch) throws(Failure) {
    (self.set, self.batch) = (set, batch)
    samples = .allocate(capacity: batch.capacity)
    // It ends at the latest when the last reference goes, in `deinit`: until then it must not hold one.
    let work = WorkerLoop(begin: begin, end: end, body: { [unowned(unsafe) self] in serve() })
    pthread_detach(try startThread { work.run() })
    hasThread = true
  }

  deinit {
    defer { samples.deallocate() }
    guard hasThread else { return }
    if isBusy { end.wait() }
    stops = true
    begin.signal()
    end.wait()
  }

  private struct WorkerLoop: @unchecked Sendable {
    let begin, end: DispatchSemaphore
    /// Whether to go on.
    let body: () -> Bool

    func run() {
      var goesOn = true
      while goesOn {
        begin.wait()
        goesOn = body()
        end.signal()
      }
    }
  }

  private func serve() -> Bool {
    if stops { return false }
    set.gather(UnsafeBufferPointer(start: samples.baseAddress, count: count), into: batch)
    return true
  }

  /// - samples: copied.
  func start(_ samples: UnsafeBufferPointer<Int32>) {
    if isBusy { end.wait() }
    precondition(samples.count <= self.samples.count)
    for (index, sample) in samples.enumerated() { self.samples[index] = sample }
    (count, isBusy) = (samples.count, true)
    begin.signal()
  }

  /// Exchanges a batch for the one that holds these samples; false if they are not what was asked for last.
  func exchange(_ other: inout Batch, for samples: UnsafeBufferPointer<Int32>) -> Bool {
    guard isBusy, samples.elementsEqual(self.samples.prefix(count)) else { return false }
    end.wait()
    isBusy = false
    swap(&batch, &other)
    return true
  }
}
