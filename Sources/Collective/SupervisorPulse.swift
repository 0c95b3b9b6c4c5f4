import Diagnostics
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Tells the supervisor of the job, if there is one, that this rank watches over it: at once, then a few times in the time that it waits for
/// such a word, and where ranks begin or cease to wait for somebody. A supervisor that can't be reached costs nothing.
struct SupervisorPulse {
  private let isBusy = Flag()
  private let wasTold = Flag()
  private var last: (time: ContinuousClock.Instant, isWaiting: Bool)?

  private final class Flag: Sendable { let value = Atomic(false) }

  mutating func tell(_ limits: JobWatch.Limits, _ isWaiting: Bool) {
    let now = ContinuousClock.now
    if let last, last.isWaiting == isWaiting, now - last.time < limits.pulse / 6 { return }
    guard !isBusy.value.exchange(true, ordering: .relaxed) else { return }
    last = (now, isWaiting)
    let (isBusy, wasTold) = (isBusy, wasTold)
    let thread = try? startThread {
      if RankLife.watches(limits.pulse, isWaiting: isWaiting, within: limits.pulse / 6) {
        wasTold.value.store(true, ordering: .relaxed)
      }
      isBusy.value.store(false, ordering: .relaxed)
    }
    if let thread { pthread_detach(thread) } else { isBusy.value.store(false, ordering: .relaxed) }
  }

  /// Nobody watches any more, because the work is done.
  func end() {
    for _ in 0..<100 where isBusy.value.load(ordering: .relaxed) { usleep(5000) }
    guard wasTold.value.load(ordering: .relaxed) else { return }
    _ = RankLife.watches(.zero, isWaiting: false, within: .seconds(1))
  }
}
