/// Requests to stop, of which a second one is a person's who will not wait.
///
/// What asks once may be heard twice at the same moment: a terminal and its shell, a launcher and what ends the machine, the kernel
/// for each thread of a parent that was killed. A person is slower.
package struct StopRequest: Sendable {
  /// Nanoseconds in which signals are one request.
  private static let moment: UInt64 = 500_000_000
  private var last: UInt64 = 0

  package init() {}

  /// Whether a signal is a request of its own. May be called in a handler of a signal.
  /// - now: in nanoseconds of a clock that never goes back.
  package mutating func isNew(at now: UInt64 = monotonicNanoseconds()) -> Bool {
    guard last == 0 || now - last >= Self.moment else { return false }
    last = now
    return true
  }
}
