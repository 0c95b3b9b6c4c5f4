import Diagnostics
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Whether a person or a batch system has asked this process to stop. A handler of signals sets it; whoever waits for another
/// process, such as the writer of a FIFO, looks at it and gives up.
package enum Interruption {
  private static let asked = Atomic<Bool>(false)

  package static var isAsked: Bool { asked.load(ordering: .relaxed) }

  /// May be called in a signal handler, once `isAsked` has been read outside of one.
  package static func ask() { asked.store(true, ordering: .relaxed) }

  /// Waits until a descriptor can be read (`POLLIN`) or written (`POLLOUT`).
  /// - milliseconds: how long at most; nil for without end.
  /// - what: what is waited for, in the message of an interrupted wait.
  /// - Returns: whether it can be.
  /// - Throws: `retry` where a stop was asked for meanwhile.
  static func wait(
    _ descriptor: Int32, for event: Int32, within milliseconds: Int? = nil, _ what: @autoclosure () -> String
  ) throws(Failure) -> Bool {
    // A request between the look and the wait would be missed: looked at again five times a second.
    var left = milliseconds ?? .max
    while true {
      if isAsked { throw Failure(.retry, "stopped while waiting for \(what())") }
      var state = pollfd(fd: descriptor, events: Int16(event), revents: 0)
      let nap = min(left, 200)
      let count = poll(&state, 1, Int32(nap))
      if count > 0 { return true }
      if count < 0 && errno != EINTR { throw .inputOutput("can't wait for \(what()): \(systemError())") }
      left -= count == 0 && milliseconds != nil ? nap : 0
      if left <= 0 { return false }
    }
  }

  /// A short pause between two looks at something that can't be waited for.
  static func nap(_ what: @autoclosure () -> String) throws(Failure) {
    if isAsked { throw Failure(.retry, "stopped while waiting for \(what())") }
    usleep(20_000)
  }
}
