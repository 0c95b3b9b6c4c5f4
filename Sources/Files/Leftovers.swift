import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Files that are in the making. They go where the process ends before they are finished: at an error, at `exit`, or by a signal
/// that would end it.
package enum Leftovers {
  private static let room = 64
  /// Paths as C strings, in a table that a signal handler may read at any moment.
  nonisolated(unsafe) private static let table = {
    let table = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: room)
    table.initialize(repeating: nil, count: room)
    return table
  }()
  /// Who writes to the table.
  private static let writing = Mutex<Bool>(false)
  private static let signals = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGPIPE, SIGXFSZ, SIGXCPU]

  /// Notes a file or an (empty) folder. Beyond so many nothing is noted: they go with their owner.
  static func add(_ path: String) {
    begin()
    writing.withLock { _ in
      if let free = (0..<room).first(where: { table[$0] == nil }) { table[free] = strdup(path) }
    }
  }

  /// Takes the signals that would end the process, and lets them through; the first call has effect. Who takes some in another way,
  /// blocked or with a handler, calls this before: it would be undone later.
  package static func begin() {
    writing.withLock { isPrepared in
      if !isPrepared { prepare() }
      isPrepared = true
    }
  }

  /// It is finished, or gone.
  static func forget(_ path: String) {
    writing.withLock { isPrepared in
      guard isPrepared else { return }
      for i in 0..<room where table[i].map({ strcmp($0, path) == 0 }) == true {
        // The text stays: a signal handler may just be reading it.
        table[i] = nil
      }
    }
  }

  /// Removes a file or an empty folder.
  static func remove(_ path: String) {
    if unlink(path) != 0 { rmdir(path) }
    forget(path)
  }

  /// For handlers of signals of one's own, once it was read outside of one: removes what is unfinished and ends the process by that
  /// signal.
  package static let ending = {
    _ = table
    return end
  }()

  private static func prepare() {
    atexit { Leftovers.removeAll() }
    // A parent may have started this process with these signals blocked.
    var blocked = sigset_t()
    sigemptyset(&blocked)
    for number in signals { sigaddset(&blocked, number) }
    pthread_sigmask(SIG_UNBLOCK, &blocked, nil)
    // Who has handlers of its own decides itself how to end.
    for number in signals {
      var action = sigaction()
      sigaction(number, nil, &action)
      if action.__sigaction_handler.sa_handler == nil { signal(number, end) }
    }
  }

  /// Files before the folders they lie in. May be called in a handler of a signal, once `ending` has been read.
  package static func removeAll() {
    for i in (0..<room).reversed() {
      guard let path = table[i] else { continue }
      if unlink(path) != 0 { rmdir(path) }
    }
  }

  private static let end: @convention(c) (Int32) -> Void = { number in
    Leftovers.removeAll()
    signal(number, SIG_DFL)
    raise(number)
  }
}
