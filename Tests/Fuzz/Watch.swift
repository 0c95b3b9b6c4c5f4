import Foundation

/// Keeps the input of the present execution where it can be saved from when the execution ends the process or never ends.
final class Watch {
  /// What a signal handler reads: plain memory that is there from the start.
  private struct Current {
    var input: UnsafeMutablePointer<UInt8>?
    var count = 0
    var path: UnsafeMutablePointer<CChar>?
    var advice: UnsafeMutablePointer<CChar>?
    var execution = 0
    var isRunning = false
    /// The execution at the last tick of processor time, and ticks since it began.
    var seen = 0
    var ticks = 0
  }
  /// By address: a handler may come between any two instructions of who uses it.
  nonisolated(unsafe) private static let current: UnsafeMutablePointer<Current> = {
    let current = UnsafeMutablePointer<Current>.allocate(capacity: 1)
    current.initialize(to: Current())
    return current
  }()
  /// Ticks are a quarter of a second of this process's time: what takes five seconds hangs.
  private static let patience = 20

  let path: String
  let advice: String

  init(reader: String, folder: String) {
    path = "\(folder)/recur-fuzz-\(reader)"
    advice =
      "reader \(reader): the input is in \(path); again with: recur-fuzz --reader \(reader) --input \(path)"
    Self.current.pointee.input = .allocate(capacity: Mutator.longest)
    Self.current.pointee.path = strdup(path)
    Self.current.pointee.advice = strdup(advice + "\n")
    Self.arm()
  }

  func begin(_ input: [UInt8]) {
    let count = min(input.count, Mutator.longest)
    input.withUnsafeBufferPointer {
      if count > 0 { memcpy(Self.current.pointee.input!, $0.baseAddress!, count) }
    }
    Self.current.pointee.count = count
    Self.current.pointee.execution += 1
    Self.current.pointee.isRunning = true
  }

  func end() { Self.current.pointee.isRunning = false }

  func save(_ input: [UInt8]) { try? Data(input).write(to: URL(fileURLWithPath: path)) }

  /// Starts the program again where its libraries have no room to grow that no reader asked for: an arena of 64 MiB for each
  /// thread that allocates.
  static func keepLibrariesSmall() {
    guard getenv("MALLOC_ARENA_MAX") == nil else { return }
    setenv("MALLOC_ARENA_MAX", "1", 1)
    execv("/proc/self/exe", CommandLine.unsafeArgv)
  }

  /// From now on the process can't have more memory than now and this much.
  func limit(memory: Int) {
    var limit = rlimit(rlim_cur: rlim_t(Self.memory.reserved + memory), rlim_max: .max)
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
  }

  /// Bytes of the process: addresses, and those of them that are in memory.
  static var memory: (reserved: Int, resident: Int) {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let bytes = text.split(separator: " ").map { (Int($0) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) }
    return bytes.count > 1 ? (bytes[0], bytes[1]) : (0, 0)
  }
}

extension Watch {
  private static func arm() {
    // A stack of its own: the reader may have used up the other one.
    var stack = stack_t()
    stack.ss_size = 1 << 16
    stack.ss_sp = malloc(stack.ss_size)
    sigaltstack(&stack, nil)
    handle(
      [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE], Int32(SA_ONSTACK) | Int32(bitPattern: SA_RESETHAND)
    ) {
      signal in
      if Watch.current.pointee.isRunning { Watch.tell() }
      raise(signal)
    }
    handle([SIGVTALRM], SA_RESTART | SA_ONSTACK) { _ in
      if Watch.current.pointee.seen != Watch.current.pointee.execution { Watch.current.pointee.ticks = 0 }
      Watch.current.pointee.seen = Watch.current.pointee.execution
      Watch.current.pointee.ticks += 1
      if Watch.current.pointee.isRunning, Watch.current.pointee.ticks > Watch.patience {
        Watch.tell()
        _exit(1)
      }
    }
    let quarter = timeval(tv_sec: 0, tv_usec: 250_000)
    var timer = itimerval(it_interval: quarter, it_value: quarter)
    setitimer(__itimer_which_t(ITIMER_VIRTUAL.rawValue), &timer, nil)
  }

  private static func handle(
    _ signals: [Int32], _ flags: Int32, _ body: @escaping @convention(c) (Int32) -> Void
  ) {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = body
    action.sa_flags = flags
    // A parent may have started this process with signals blocked.
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals {
      sigaction(signal, &action, nil)
      sigaddset(&set, signal)
    }
    sigprocmask(SIG_UNBLOCK, &set, nil)
  }

  /// Saves the input and says so, with calls that a signal handler may make.
  private static func tell() {
    let file = open(current.pointee.path!, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    _ = write(file, current.pointee.input!, current.pointee.count)
    close(file)
    _ = write(STDERR_FILENO, current.pointee.advice!, strlen(current.pointee.advice!))
  }
}
