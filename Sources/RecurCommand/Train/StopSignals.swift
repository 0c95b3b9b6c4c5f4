import Files
import Foundation
import Recur

/// Ctrl-C, SIGTERM and SIGUSR1 (what mpirun passes on) while training: the first asks for an orderly stop, the second
/// ends the process at once.
///
/// A request that comes before there is a trainer is kept for it: it makes one step and saves.
enum StopSignals {
  /// What the handler can reach: it runs at any moment, so it only reads and writes these.
  nonisolated(unsafe) private static var trainer: Trainer?
  nonisolated(unsafe) private static var isAsked = false
  /// Of several ranks one speaks, and only of a run that has begun: a launcher that ends a job sends SIGTERM to all.
  nonisolated(unsafe) private static var isOneOfMany = false
  nonisolated(unsafe) private static var isFirst = true
  private static let numbers = [SIGINT, SIGTERM, SIGUSR1]

  /// Takes the signals from now on; the first call of the program.
  static func listen() {
    // Made now: in the handler would be too late.
    _ = Interruption.isAsked
    for number in numbers { signal(number, handle) }
    unblock()
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
    for number in StopSignals.numbers { signal(number, SIG_DFL) }
    StopSignals.isAsked = true
    Interruption.ask()
    StopSignals.trainer?.requestStop()
    if StopSignals.isOneOfMany, !StopSignals.isFirst || StopSignals.trainer == nil { return }
    let word: StaticString = "\nrecur: stopping after this step and saving; once more ends at once\n"
    _ = write(STDERR_FILENO, word.utf8Start, word.utf8CodeUnitCount)
  }
}
