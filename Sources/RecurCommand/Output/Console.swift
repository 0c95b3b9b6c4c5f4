import Diagnostics
import Files
import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Where a command's words go: results to standard output, progress and remarks to standard error. With `--json`
/// standard output holds one JSON object as its last line and the readable results move to standard error.
///
/// Every line for a person leaves through `say` or `note`, as `String.shown`: whatever it quotes, a terminal obeys none of it.
struct Console {
  let json: Bool
  /// Says nothing: for the ranks that are not rank 0.
  var silent = false
  /// Whether a file that was asked for goes to standard output, which then holds nothing else.
  private var isOutputTaken = false

  init(json: Bool, silent: Bool = false) { (self.json, self.silent) = (json, silent) }

  /// - path: of the file that the command writes, if any.
  /// - Throws: `usage` where standard output would have to hold both it and a report.
  init(json: Bool, silent: Bool = false, sharingOutputWith path: String?) throws {
    self.init(json: json, silent: silent)
    isOutputTaken = path.map { OutputFile.isStandardOutput($0) } ?? false
    if json, isOutputTaken, let path {
      throw Failure.usage(
        "\(path) and --json both want standard output; write to a file, or leave out --json")
    }
  }

  private var resultDescriptor: Int32 { json || isOutputTaken ? STDERR_FILENO : STDOUT_FILENO }

  /// A line of the readable result. Who went away before it is no reason to stop; a full disk is.
  func say(_ line: String = "") throws {
    guard !silent else { return }
    try print(line.shown + "\n")
  }

  /// Several lines of it.
  func sayPage(_ text: String) throws {
    guard !silent else { return }
    try print(text.shownLines + "\n")
  }

  /// Who went away before it is no reason to stop, and on standard error nothing is; a full disk is.
  private func print(_ text: String) throws {
    guard resultDescriptor == STDOUT_FILENO else {
      try? Console.write(text, to: STDERR_FILENO)
      return
    }
    try Console.unlessReaderGone { try Console.write(text, to: STDOUT_FILENO) }
  }

  /// A piece of the readable result as it is, which may end within a line or a character.
  /// - Throws: `readerGone` where nobody reads it any more: for commands that do nothing but print.
  func write(_ bytes: [UInt8]) throws {
    guard !silent else { return }
    if resultDescriptor == STDERR_FILENO {
      try? bytes.withUnsafeBufferPointer { try Console.write($0, to: STDERR_FILENO) }
    } else {
      try bytes.withUnsafeBufferPointer { try Console.write($0, to: STDOUT_FILENO) }
    }
  }

  /// Whether a terminal shows the readable result.
  var isOnTerminal: Bool { isatty(resultDescriptor) == 1 }

  /// With `--json`, the result as one line of JSON on standard output. NaN and the infinities become words,
  /// which JSON has no numbers for; what a terminal would obey is escaped, so that the line can be looked at as well.
  func finish(_ report: some Encodable) throws {
    guard json && !silent else { return }
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let line = String(decoding: try encoder.encode(report), as: UTF8.self).escapedInJSON + "\n"
    try Console.unlessReaderGone { try Console.write(line, to: STDOUT_FILENO) }
  }

  /// A remark on standard error. Nobody to read it is no reason to stop.
  static func note(_ line: String) {
    try? write(line.shown + "\n", to: STDERR_FILENO)
  }

  /// Several lines on standard error.
  static func notePage(_ text: String) {
    try? write(text.shownLines + "\n", to: STDERR_FILENO)
  }

  /// Whether standard error is a terminal, where a line can be redrawn.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Columns of the terminal that standard error is, 80 where it does not say.
  static var terminalWidth: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 80 }
    return Int(size.ws_col)
  }

  static func write(_ text: String, to descriptor: Int32) throws {
    var text = text
    try text.withUTF8 { try write($0, to: descriptor) }
  }

  private static func write(_ bytes: UnsafeBufferPointer<UInt8>, to descriptor: Int32) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, UnsafeBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        // A pipe that another process told not to block: it is waited for all the same.
        var wish = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&wish, 1, -1)
      } else if errno != EINTR {
        throw Failure(
          isReaderGone(descriptor, errno) ? .readerGone : .inputOutput,
          "can't write to standard output: \(systemError())")
      }
    }
  }

  /// A pipe without a reader, or a terminal that hung up.
  private static func isReaderGone(_ descriptor: Int32, _ code: Int32) -> Bool {
    if code == EPIPE || code == ECONNRESET { return true }
    var status = stat()
    return code == EIO && fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR
  }

  private static func unlessReaderGone(_ body: () throws -> Void) throws {
    do { try body() } catch let failure as Failure where failure.kind == .readerGone {}
  }
}
