import Diagnostics
import Files
import Recur

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Ctrl-C, SIGTERM, a terminal that hangs up (SIGHUP) and SIGUSR1 (what mpirun passes on) while training: the first asks for
/// an orderly stop, the second ends the process at once, where it is no echo of the first (`StopRequest`). A hang-up never counts as
/// the second: it comes from the terminal and once more from its shell. Nor does SIGUSR1: where a pod or an allocation is to go, its
/// launcher passes one on, and what ends the machine asks the ranks as well. A signal that was ignored when the process began stays
/// ignored.
///
/// A request that comes before there is a trainer is kept for it: it makes one step and saves. Where the data take longer than
/// `patience` to read, the process ends before it has begun anything.
enum StopSignals {
  /// What the handler can reach: it runs at any moment, so it only reads and writes these.
  nonisolated(unsafe) private static var trainer: Trainer?
  nonisolated(unsafe) private static var isAsked = false
  nonisolated(unsafe) private static var request = StopRequest()
  /// Of several ranks one speaks, and only of a run that has begun: a launcher that ends a job sends SIGTERM to all.
  nonisolated(unsafe) private static var isOneOfMany = false
  nonisolated(unsafe) private static var isFirst = true
  nonisolated(unsafe) private static var hasBegun = false
  nonisolated(unsafe) private static var numbers = [SIGINT, SIGTERM, SIGUSR1, SIGHUP]
  /// Seconds from a request until reading data is given up.
  private static let patience: UInt32 = 2

  /// Takes the signals from now on; the first call of the program.
  static func listen() {
    _ = (Leftovers.ending, Interruption.isAsked)
    numbers = numbers.filter { !IgnoredSignals.contains($0) }
    signal(SIGALRM, giveUp)
    for number in numbers { signal(number, handle) }
    unblock()
  }

  /// From now on there is a run directory: a request waits for the trainer.
  static func beginning() {
    hasBegun = true
    alarm(0)
  }

  /// Tells what this process is, once that is known.
  static func joined(_ group: any Communicator) {
    isOneOfMany = group.size > 1
    isFirst = group.rank == 0
  }

  static func stopping<Result>(_ trainer: Trainer, _ body: () throws -> Result) rethrows -> Result {
    self.trainer = trainer
    if isAsked { trainer.requestStop() }
    defer { self.trainer = nil }
    return try body()
  }

  /// A parent may have started this process with these signals blocked.
  private static func unblock() {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    sigprocmask(SIG_UNBLOCK, &set, nil)
  }

  private static let handle: @convention(c) (Int32) -> Void = { _ in
    _ = StopSignals.request.isNew()
    for number in StopSignals.numbers {
      signal(number, number == SIGHUP || number == SIGUSR1 ? SIG_IGN : StopSignals.endIfNew)
    }
    StopSignals.isAsked = true
    Interruption.ask()
    StopSignals.trainer?.requestStop()
    if !StopSignals.hasBegun { alarm(StopSignals.patience) }
    if StopSignals.isOneOfMany, !StopSignals.isFirst || StopSignals.trainer == nil { return }
    StopSignals.say("\nrecur: stopping after this step and saving; once more ends at once\n")
  }

  private static let endIfNew: @convention(c) (Int32) -> Void = { number in
    if StopSignals.request.isNew() { Leftovers.ending(number) }
  }

  private static let giveUp: @convention(c) (Int32) -> Void = { _ in
    if StopSignals.hasBegun { return }
    if StopSignals.isFirst {
      StopSignals.say("recur: stopped while the data were being read: nothing was begun\n")
    }
    _exit(Failure.Kind.retry.rawValue)
  }

  private static func say(_ words: StaticString) {
    _ = write(STDERR_FILENO, words.utf8Start, words.utf8CodeUnitCount)
  }
}
