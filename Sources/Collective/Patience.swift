import CMPI
import Diagnostics
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a rank waits for others: it spins while that is likely to be short, then lets others run, then sleeps in short naps.
final class Patience: Sendable {
  /// Whether another thread of this rank computes meanwhile: the processor belongs to that one.
  let leavesProcessor = Atomic<Bool>(false)
  private let spins: Int

  /// - localSize: ranks of this machine. Where they are more than its processors, or the launcher says so of ranks and other threads, the one
  ///   waited for needs this one's.
  init(localSize: Int) {
    let sharesProcessors = getenv("OMPI_MCA_mpi_yield_when_idle").map { String(cString: $0) == "1" } ?? false
    spins = localSize > Machine.processors || sharesProcessors ? 0 : 4000
  }

  /// Returns when `isDone` does.
  /// - cost: how many times longer than one look at memory `isDone` takes.
  @inline(__always)
  func wait(cost: Int = 1, until isDone: () throws -> Bool) rethrows {
    while leavesProcessor.load(ordering: .relaxed) {
      if try isDone() { return }
      pause(50)
    }
    for _ in 0..<spins / cost {
      if try isDone() { return }
      cmpi_pause()
    }
    // On a busy processor even one turn given away is longer: who sleeps is woken sooner than who keeps yielding.
    let start = monotonicNanoseconds()
    while monotonicNanoseconds() - start < 1_000_000 {
      if try isDone() { return }
      sched_yield()
    }
    while try !isDone() { pause(50) }
  }
}
