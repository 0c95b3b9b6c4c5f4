import CProcess
import Diagnostics
import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A program this one started, in a process group of its own, so that the terminal's signals reach only us. It gets a signal when this
/// process is gone, however that ended. Made by the main thread: the system watches the thread, not the process.
package struct ChildProcess {
  /// How a program ended.
  package enum ExitStatus: Equatable, Sendable {
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

  package let id: pid_t

  /// - program: a path, or a name that is searched in PATH.
  /// - environment: variables beside ours.
  /// - orphaned: the signal that it gets when this process is gone.
  /// - input: nothing to read if not given; errors: -1 for nowhere.
  package init(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], input: Int32 = -1,
    output: Int32 = 1, errors: Int32 = 2, orphaned: Int32 = SIGTERM
  ) throws {
    guard let path = Self.path(of: program) else {
      throw Failure(.unavailable, "can't start \(program): not found; is it installed and in PATH?")
    }
    let all = processEnvironment().merging(environment) { $1 }
    id = Self.withWords([program] + arguments) { words in
      Self.withWords(all.map { "\($0)=\($1)" }) {
        cprocess_start(path, words, $0, input, output, errors, orphaned)
      }
    }
    guard id > 0 else { throw Failure(.unavailable, "can't start \(path): \(systemError())") }
  }

  /// Where a program is. Folders of PATH that are not absolute are passed over: what lies where a person happens to stand is no
  /// program of theirs.
  static func path(of program: String) -> String? {
    if program.utf8.contains(UInt8(ascii: "/")) { return program }
    let folders = (processEnvironment()["PATH"] ?? "/usr/bin:/bin").utf8.split(separator: UInt8(ascii: ":"))
    return folders.filter { $0.first == UInt8(ascii: "/") }
      .map { "\(String(decoding: $0, as: UTF8.self))/\(program)" }.first { access($0, X_OK) == 0 }
  }

  private static func withWords<Result>(
    _ words: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let copies = words.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }

  /// How it ended; nil while it runs.
  package func ended() -> ExitStatus? { end(WNOHANG) }

  private func end(_ options: Int32) -> ExitStatus? {
    var status: Int32 = 0
    var found: pid_t
    repeat { found = waitpid(id, &status, options) } while found < 0 && errno == EINTR
    guard found == id else { return nil }
    // The macros of <sys/wait.h>.
    return status & 0x7f == 0 ? .code(status >> 8 & 0xff) : .signal(status & 0x7f)
  }

  package func send(_ signal: Int32) { kill(id, signal) }
  /// The whole process group, remote-shell agents included.
  package func sendToGroup(_ signal: Int32) { kill(-id, signal) }
}

extension ChildProcess {
  /// Runs a program to its end, and returns what it wrote to standard output. No thread is needed for that.
  /// - input, errors: descriptors; none if not given.
  package static func output(
    of program: String, _ arguments: [String], input: Int32 = -1, errors: Int32 = -1
  ) throws -> (bytes: [UInt8], end: ExitStatus) {
    let pipe = try Pipe()
    defer { close(pipe.reading) }
    let child: ChildProcess
    do {
      child = try ChildProcess(program, arguments, input: input, output: pipe.writing, errors: errors)
    } catch {
      close(pipe.writing)
      throw error
    }
    close(pipe.writing)
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(pipe.reading, &piece, piece.count)
      if count > 0 { bytes += piece[..<count] }
      if count == 0 || count < 0 && errno != EINTR { break }
    }
    return (bytes, child.end(0) ?? .code(127))
  }
}

/// Signals that are taken one by one instead of interrupting: for a program that looks after another.
package struct SignalInbox {
  private var set = sigset_t()
  private var old = sigset_t()
  private var request = StopRequest()

  /// Signals that whoever started this process has ignored, as nohup does, stay ignored.
  package init(_ signals: [Int32]) {
    // The first temporary file would let them through again, and each thread that is started after it.
    Leftovers.begin()
    sigemptyset(&set)
    // Linux keeps a blocked signal even where it is ignored, as nohup wants it.
    for signal in signals where !IgnoredSignals.contains(signal) { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, &old)
  }

  /// The next signal; nil when none comes within that time, or one that only repeats a request to stop (`StopRequest`).
  package mutating func next(within milliseconds: Int) -> Int32? {
    var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
    let signal = sigtimedwait(&set, nil, &time)
    guard signal > 0, signal == SIGTSTP || request.isNew() else { return nil }
    return signal
  }

  package mutating func close() { pthread_sigmask(SIG_SETMASK, &old, nil) }
}
