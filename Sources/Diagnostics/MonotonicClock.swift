#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A clock in place of the machine's, for a simulator. Set once, before any other thread begins.
package enum SimulatedClock {
  package nonisolated(unsafe) static var nanoseconds: (@Sendable () -> UInt64)?
}

/// Nanoseconds of a clock that never goes back.
package func monotonicNanoseconds() -> UInt64 {
  if let simulated = SimulatedClock.nanoseconds { return simulated() }
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
