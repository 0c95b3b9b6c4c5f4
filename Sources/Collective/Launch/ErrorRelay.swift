import Diagnostics
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Passes on what mpirun and the ranks write to standard error, and notices when they speak of a failure.
///
/// mpirun waits without end for the daemon of a host whose link is lost, even when no rank is left. What it prints when
/// a rank has failed, or the watchdog's last line, is the only sign.
final class ErrorRelay: Sendable {
  /// Words that mean: a rank has ended and the job is about to.
  private static let lastWords = [
    Watchdog.lastWords, "Primary job  terminated", "mpirun noticed that", "mpirun detected that",
    "MPI_ABORT was invoked", "BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES",
  ]

  private let input: Int32
  private let output: Int32
  private let failedAt = Mutex<ContinuousClock.Instant?>(nil)
  private let isClosed = Atomic(false)

  init() throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else {
      throw Failure.inputOutput("can't make a pipe: \(String(cString: strerror(errno)))")
    }
    (input, output) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  }

  /// Starts a program whose standard error is read here.
  func starting(_ start: (Int32) throws -> ChildProcess) rethrows -> ChildProcess {
    defer { close(output) }
    let child = try start(output)
    pthread_detach(startThread { self.relay() })
    return child
  }

  /// For how long a failure has been known.
  var overdue: Duration? { failedAt.withLock { $0 }.map { ContinuousClock.now - $0 } }

  /// Waits until all is passed on, or for a second: a process on a lost host may keep the pipe open.
  func drain() {
    for _ in 0..<100 where !isClosed.load(ordering: .acquiring) { usleep(10_000) }
  }

  private func relay() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    var line: [UInt8] = []
    while true {
      let count = read(input, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      _ = write(2, buffer, count)
      for byte in buffer[..<count] {
        if byte == 10 || line.count > 4096 { look(&line) } else { line.append(byte) }
      }
    }
    isClosed.store(true, ordering: .releasing)
    close(input)
  }

  private func look(_ line: inout [UInt8]) {
    let text = String(decoding: line, as: UTF8.self)
    line.removeAll(keepingCapacity: true)
    guard Self.lastWords.contains(where: { text.hasWords($0) }) else { return }
    failedAt.withLock { if $0 == nil { $0 = .now } }
  }
}

extension String {
  /// Whether these words are somewhere in it. Without Foundation.
  func hasWords(_ words: String) -> Bool {
    let (text, words) = (Array(utf8), Array(words.utf8))
    return text.count >= words.count
      && (0...text.count - words.count).contains { text[$0..<$0 + words.count].elementsEqual(words) }
  }
}
