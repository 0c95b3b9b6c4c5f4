import Diagnostics
import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A thread that asks the system for rows of files which are wanted soon: it waits where the disk has enough to do, so that those that
/// compute need not. Without a thread nothing is read ahead, and all goes on.
final class AheadReader: Sendable {
  private let requests: RowRequests
  private let hasBegun = Mutex(false)

  /// - read: asks for some rows; called from the thread.
  init(_ read: @escaping @Sendable (Range<Int>) -> Void) { requests = RowRequests(read) }

  deinit { requests.close() }

  func add(_ rows: [Range<Int>]) {
    if rows.isEmpty { return }
    let begins = hasBegun.withLock { hasBegun in
      defer { hasBegun = true }
      return !hasBegun
    }
    if begins, let thread = try? startThread({ [requests] in requests.serve() }) { pthread_detach(thread) }
    requests.add(rows)
  }

  /// What is left to ask for. The thread holds this and not the reader, whose end is the thread's.
  private final class RowRequests: Sendable {
    private struct WaitingRows {
      var rows: [Range<Int>] = []
      var isClosed = false
    }
    private let waiting = Mutex(WaitingRows())
    private let signal = DispatchSemaphore(value: 0)
    private let read: @Sendable (Range<Int>) -> Void
    /// More than that are not of use any more when their turn comes.
    private static let most = 1 << 16

    init(_ read: @escaping @Sendable (Range<Int>) -> Void) { self.read = read }

    func add(_ rows: [Range<Int>]) {
      waiting.withLock {
        if $0.rows.count > Self.most { $0.rows = [] }
        $0.rows += rows
      }
      signal.signal()
    }

    func close() {
      waiting.withLock { $0 = WaitingRows(isClosed: true) }
      signal.signal()
    }

    func serve() {
      while true {
        signal.wait()
        let (rows, isClosed) = waiting.withLock { waiting in
          defer { waiting.rows = [] }
          return (waiting.rows, waiting.isClosed)
        }
        if isClosed { return }
        for range in rows { read(range) }
      }
    }
  }
}
