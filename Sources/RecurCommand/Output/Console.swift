import Diagnostics
import Foundation

/// Where a command's words go: results to standard output, progress and remarks to standard error. With `--json`
/// standard output holds one JSON object as its last line and the readable results move to standard error.
struct Console {
  let json: Bool

  /// A line of the readable result.
  func say(_ line: String = "") throws {
    try Console.write(line + "\n", to: json ? STDERR_FILENO : STDOUT_FILENO)
  }

  /// With `--json`, the result as one line of JSON on standard output. Values that are not finite become null.
  func finish(_ report: some Encodable) throws {
    guard json else { return }
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try Console.write(String(decoding: encoder.encode(report), as: UTF8.self) + "\n", to: STDOUT_FILENO)
  }

  /// A remark on standard error. Nobody to read it is no reason to stop.
  static func note(_ line: String) {
    try? write(line + "\n", to: STDERR_FILENO)
  }

  /// Whether standard error is a terminal, where a line can be redrawn.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  static func write(_ text: String, to descriptor: Int32) throws {
    var text = text
    try text.withUTF8 { bytes in
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
}
