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
  private static let numbers = [SIGINT, SIGTERM, SIGUSR1]

  /// Takes the signals from now on; the first call of the program.
  static func listen() {
    for number in numbers { signal(number, handle) }
    unblock()
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
    StopSignals.trainer?.requestStop()
    let word: StaticString = "\nrecur: stopping after this step and saving; once more ends at once\n"
    _ = write(STDERR_FILENO, word.utf8Start, word.utf8CodeUnitCount)
  }
}
