import Foundation
import Recur

/// Ctrl-C, SIGTERM and SIGUSR1 (what mpirun passes on) while training: the first asks for an orderly stop, the second
/// ends the process at once.
enum StopSignals {
  /// What the handler can reach: it runs at any moment, so it only reads this.
  nonisolated(unsafe) private static var trainer: Trainer?
  private static let numbers = [SIGINT, SIGTERM, SIGUSR1]

  static func stopping<Result>(_ trainer: Trainer, _ body: () throws -> Result) rethrows -> Result {
    self.trainer = trainer
    for number in numbers { signal(number, handle) }
    unblock()
    defer {
      for number in numbers { signal(number, SIG_DFL) }
      self.trainer = nil
    }
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
    StopSignals.trainer?.requestStop()
    let word: StaticString = "\nrecur: stopping after this step and saving; once more ends at once\n"
    _ = write(STDERR_FILENO, word.utf8Start, word.utf8CodeUnitCount)
  }
}
