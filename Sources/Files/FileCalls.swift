import Synchronization

/// Calls of the file system that are under way in this process, for who wants to know why it stands still: a slow disk is no fault of the
/// process.
package enum FileCalls {
  private static let begun = Atomic<UInt64>(0)
  private static let ended = Atomic<UInt64>(0)

  package struct CallCount: Equatable, Sendable {
    package var underWay = 0
    package var done: UInt64 = 0

    package init() {}
  }

  package static var count: CallCount {
    var now = CallCount()
    now.done = ended.load(ordering: .relaxed)
    now.underWay = Int(truncatingIfNeeded: begun.load(ordering: .relaxed) &- now.done)
    return now
  }

  /// Makes a call that may take long.
  @inline(__always)
  package static func during<Result>(_ body: () -> Result) -> Result {
    begun.wrappingAdd(1, ordering: .relaxed)
    defer { ended.wrappingAdd(1, ordering: .relaxed) }
    return body()
  }
}
