import Diagnostics
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Passes on what mpirun and the ranks write. Where nobody reads it any more (a closed pipe, a terminal that hung up) it is taken in
/// all the same: the reader's end costs the display, not the run.
final class OutputRelay: Sendable {
  private let target: Int32
  private let input: Int32
  private let output: Int32
  private let isClosed = Atomic(false)
  private let reason = Atomic<Int32>(0)

  /// - target: the descriptor that gets it.
  init(to target: Int32) throws {
    let pipe = try Pipe()
    (self.target, input, output) = (target, pipe.reading, pipe.writing)
  }

  /// Starts a program whose output is read here; it gets the descriptors to write to, in the order of the relays.
  static func starting(
    _ relays: [OutputRelay], _ start: ([Int32]) throws -> ChildProcess
  ) throws -> ChildProcess {
    defer { for relay in relays { close(relay.output) } }
    let child = try start(relays.map(\.output))
    for relay in relays { pthread_detach(try startThread { relay.run() }) }
    return child
  }

  /// Waits until all is passed on, or for so long: a process on a lost host may keep the pipe open.
  func drain(within limit: Duration) {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end, !isClosed.load(ordering: .acquiring) { usleep(10_000) }
  }

  /// Why something could not be written though its reader did not go away (a full disk); nil where all was, or nobody wanted it.
  var failure: Failure? {
    let code = reason.load(ordering: .acquiring)
    let isReaderGone = [0, EPIPE, EIO, EBADF].contains(code)
    return isReaderGone
      ? nil : .inputOutput("what the ranks said could not be written on: \(String(cString: strerror(code)))")
  }

  private func run() {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    // What is written for people is shown: mpirun and the ranks of other hosts are strangers too. Results are data.
    var shown = target == STDERR_FILENO ? ShownStream() : nil
    while true {
      let count = read(input, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      if let text = shown?.show(buffer[..<count]) {
        text.withUnsafeBytes(pass)
      } else {
        buffer.withUnsafeBytes { pass(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      }
    }
    isClosed.store(true, ordering: .releasing)
    close(input)
  }

  private func pass(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while !rest.isEmpty, reason.load(ordering: .relaxed) == 0 {
      let count = write(target, rest.baseAddress, rest.count)
      if count >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if errno == EAGAIN {
        // A terminal or pipe that someone else made non-blocking.
        var request = pollfd(fd: target, events: Int16(POLLOUT), revents: 0)
        _ = poll(&request, 1, 1000)
      } else if errno != EINTR {
        reason.store(errno, ordering: .releasing)
      }
    }
  }
}
