#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The first act of every program of the package: what a process takes for granted is there before it opens anything.
package enum ProcessStart {
  /// - Descriptors 0 to 2 exist: one that was closed is /dev/null. Else the next file that is opened gets its number, and what is
  ///   meant for a person is written into it.
  /// - A reader that goes away and a file that may not grow are errors of `write`, not the end of the process.
  package static func begin() {
    openStandardDescriptors()
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
  }

  private static func openStandardDescriptors() {
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
      // The lowest free number is taken, which is this one.
      guard open("/dev/null", O_RDWR) == descriptor else { _exit(Failure.Kind.unavailable.rawValue) }
    }
  }
}

/// Signals that whoever started this process may have told it to ignore: a shell in the background (SIGINT), nohup (SIGHUP).
package enum IgnoredSignals {
  /// Whether a signal was ignored before anything of this process handled it, and so stays ignored.
  package static func contains(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    #if canImport(Darwin)
      let handler = action.__sigaction_u.__sa_handler
    #else
      let handler = action.__sigaction_handler.sa_handler
    #endif
    // A function pointer that is no function: compared by its bits.
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
