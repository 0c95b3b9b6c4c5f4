import CProcess
import Diagnostics
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A process that a launcher started: it tells its supervisor how it ends, and does not outlive its launcher.
enum RankLife {
  private static let begun = Atomic(false)
  private static let told = Atomic(false)
  private static let report = Mutex<(report: RankReport, rank: Int)?>(nil)

  /// Begins; the first call has effect.
  static func begin(_ environment: [String: String]) throws {
    let rank = try Launcher.detect(environment)?.rank ?? 0
    let card = try environment[JobChannel.variable].map { try RankReport(card: $0) }
    guard !begun.exchange(true, ordering: .relaxed) else { return }
    if let card {
      report.withLock { $0 = (card, rank) }
      // Registered before MPI's own handler, so called after it: all is said and written by then.
      on_exit({ code, _ in RankLife.ends(code) }, nil)
    }
    try watchParent(rank)
  }

  /// Tells the supervisor, once. Called before a process leaves in a way that calls no handlers.
  /// - gaveUp: whether because of ranks that stayed away: then the job can't go on, and nobody is about to save.
  static func ends(_ code: Int32, gaveUp: Bool = false) {
    guard !told.exchange(true, ordering: .relaxed) else { return }
    if let (report, rank) = report.withLock({ $0 }) { report.tell(rank: rank, code: code, gaveUp: gaveUp) }
  }

  /// Tells the supervisor, if there is one, that this rank watches over the job.
  /// - patience: it says so again within this time; zero where it watches no more.
  /// - Returns: whether it was told.
  static func watches(_ patience: Duration, isWaiting: Bool, within time: Duration) -> Bool {
    guard let (report, rank) = report.withLock({ $0 }) else { return false }
    return report.tell(rank: rank, patience: patience, isWaiting: isWaiting, within: time)
  }

  /// A rank whose launcher is gone ends within a second. A rank that is stopped then is set going by the system, to notice it too.
  private static func watchParent(_ rank: Int) throws {
    cprocess_on_parents_end(SIGCONT)
    let parent = getppid()
    pthread_detach(
      try startThread {
        while getppid() == parent { usleep(500_000) }
        ends(Failure.Kind.retry.rawValue)
        // The pipe to the launcher has no reader any more.
        signal(SIGPIPE, SIG_IGN)
        writeLine(
          "recur: rank \(rank) on \(localHostName()): its launcher is gone; ends with exit code 75, start again to resume"
        )
        _exit(Failure.Kind.retry.rawValue)
      })
  }
}
