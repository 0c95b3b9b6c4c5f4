import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A program this one started, in a process group of its own, so that the terminal's signals reach only us.
struct ChildProcess {
  /// How a program ended.
  enum End: Equatable, Sendable {
    case code(Int32)
    case signal(Int32)

    /// As a shell tells it: 128 and the number for a signal.
    var exitCode: Int32 {
      switch self {
      case .code(let code): code
      case .signal(let signal): 128 + signal
      }
    }
  }

  let id: pid_t

  /// `program` is searched in PATH. Standard output is ours, standard error too where no other is given, standard input empty.
  init(_ program: String, _ arguments: [String], standardError: Int32 = 2) throws {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var files = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&files)
    defer { posix_spawn_file_actions_destroy(&files) }
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
    if standardError != 2 { posix_spawn_file_actions_adddup2(&files, standardError, 2) }

    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    defer { for word in words { free(word) } }
    words.append(nil)
    var child = pid_t()
    let code = posix_spawnp(&child, program, &files, &attributes, &words, environ)
    guard code == 0 else {
      throw Failure(
        .unavailable,
        "can't start \(program): \(String(cString: strerror(code))); is it installed and in PATH?")
    }
    id = child
  }

  /// How it ended; nil while it runs.
  func ended() -> End? {
    var status: Int32 = 0
    guard waitpid(id, &status, WNOHANG) == id else { return nil }
    // The macros of <sys/wait.h>.
    return status & 0x7f == 0 ? .code(status >> 8 & 0xff) : .signal(status & 0x7f)
  }

  func send(_ signal: Int32) { kill(id, signal) }
  /// The whole process group, remote-shell agents included.
  func sendToGroup(_ signal: Int32) { kill(-id, signal) }
}

/// Signals that are taken one by one instead of interrupting: for a program that looks after another.
struct SignalInbox {
  private var set = sigset_t()
  private var old = sigset_t()

  init(_ signals: [Int32]) {
    sigemptyset(&set)
    // Linux keeps a blocked signal even where it is ignored, as nohup wants it.
    for signal in signals where !IgnoredSignals.contains(signal) { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, &old)
  }

  /// The next signal; nil when none comes within that time.
  mutating func next(within milliseconds: Int) -> Int32? {
    var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
    let signal = sigtimedwait(&set, nil, &time)
    return signal > 0 ? signal : nil
  }

  mutating func close() { pthread_sigmask(SIG_SETMASK, &old, nil) }
}
