import Diagnostics
import Foundation

/// Where a command's words go: results to standard output, progress and remarks to standard error. With `--json`
/// standard output holds one JSON object as its last line and the readable results move to standard error.
struct Console {
  let json: Bool
  /// Says nothing: for the ranks that are not rank 0.
  var silent = false

  /// A line of the readable result. Who went away before it is no reason to stop; a full disk is.
  func say(_ line: String = "") throws {
    guard !silent else { return }
    if json { return Console.note(line) }
    try Console.unlessReaderGone { try Console.write(line + "\n", to: STDOUT_FILENO) }
  }

  /// A piece of the readable result, which may end within a line or a character.
  /// - Throws: `readerGone` where nobody reads it any more: for commands that do nothing but print.
  func write(_ bytes: [UInt8]) throws {
    guard !silent else { return }
    if json {
      try? bytes.withUnsafeBufferPointer { try Console.write($0, to: STDERR_FILENO) }
    } else {
      try bytes.withUnsafeBufferPointer { try Console.write($0, to: STDOUT_FILENO) }
    }
  }

  /// With `--json`, the result as one line of JSON on standard output. NaN and the infinities become words,
  /// which JSON has no numbers for.
  func finish(_ report: some Encodable) throws {
    guard json && !silent else { return }
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let line = try String(decoding: encoder.encode(report), as: UTF8.self) + "\n"
    try Console.unlessReaderGone { try Console.write(line, to: STDOUT_FILENO) }
  }

  /// A remark on standard error. Nobody to read it is no reason to stop.
  static func note(_ line: String) {
    try? write(line + "\n", to: STDERR_FILENO)
  }

  /// Whether standard error is a terminal, where a line can be redrawn.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Columns of the terminal behind standard error, 80 where it does not say.
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
