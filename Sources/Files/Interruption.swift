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
  /// - what: what is waited for, in the message of an interrupted wait.
  /// - Throws: `retry` where a stop was asked for meanwhile.
  static func wait(
    _ descriptor: Int32, for event: Int32, _ what: @autoclosure () -> String
  ) throws(Failure) {
    while true {
      var state = pollfd(fd: descriptor, events: Int16(event), revents: 0)
      // A request just before the wait would be missed: looked for again five times a second.
      let count = poll(&state, 1, 200)
      if count > 0 { return }
      if count < 0 && errno != EINTR { throw .inputOutput("can't wait for \(what()): \(systemError())") }
      if isAsked { throw Failure(.retry, "stopped while waiting for \(what())") }
    }
  }

  /// A short pause between two looks at something that can't be waited for.
  static func nap(_ what: @autoclosure () -> String) throws(Failure) {
    if isAsked { throw Failure(.retry, "stopped while waiting for \(what())") }
    usleep(20_000)
  }
}
