import Diagnostics
import Files
import Foundation

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

  /// A line of the readable result.
  func say(_ line: String = "") throws {
    guard !silent else { return }
    try Console.write(line.shown + "\n", to: resultDescriptor)
  }

  /// Several lines of it.
  func sayPage(_ text: String) throws {
    guard !silent else { return }
    try Console.write(text.shownLines + "\n", to: resultDescriptor)
  }

  /// A piece of the readable result as it is, which may end within a line or a character.
  func write(_ bytes: [UInt8]) throws {
    guard !silent else { return }
    try bytes.withUnsafeBufferPointer { try Console.write($0, to: resultDescriptor) }
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
    let line = String(decoding: try encoder.encode(report), as: UTF8.self)
    try Console.write(line.escapedInJSON + "\n", to: STDOUT_FILENO)
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
      if count < 0 && errno == EINTR { continue }
      if count < 0 {
        throw Failure.inputOutput("can't write to standard output: \(String(cString: strerror(errno)))")
      }
      rest = rest.dropFirst(count)
    }
  }
}
