import Collective
import Diagnostics
import Files
import Foundation

/// The plotting program, run as a child process.
struct Gnuplot {
  let executable: String

  /// Throws `unavailable` with the line that installs it.
  init() throws {
    guard let path = Self.find() else {
      throw Failure(.unavailable, "gnuplot is not installed; install it: apt-get install gnuplot-nox")
    }
    executable = path
  }

  /// The path of gnuplot in PATH, or nil.
  static func find() -> String? { SearchPath.find("gnuplot") }

  /// Draws a script that writes to standard output; returns the picture.
  ///
  /// The script is gnuplot's standard input and the picture its standard output: no path is part of what it reads, and it is
  /// called without any argument but the one that keeps it from a person's own settings. Files in place of pipes for the
  /// script and for the words of gnuplot, so that neither side can block the other.
  func draw(_ script: GnuplotScript) throws -> Data {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let (commands, complaints) = (try folder.handle("figure"), try folder.handle("words"))
    try commands.write(contentsOf: Data(script.text.utf8))
    try commands.seek(toOffset: 0)
    let (picture, end) = try ChildProcess.output(
      of: executable, ["-d"], input: commands.fileDescriptor, errors: complaints.fileDescriptor)
    guard end == .code(0), !picture.isEmpty else {
      try? complaints.seek(toOffset: 0)
      let said = (try? complaints.readToEnd()) ?? Data()
      let line = said.split(separator: UInt8(ascii: "\n")).last.map { String(decoding: $0, as: UTF8.self) }
      throw Failure(.unavailable, "gnuplot could not draw the picture: \(line ?? "no message")")
    }
    return Data(picture)
  }
}

extension TemporaryFolder {
  /// A new file in it, to be written and read.
  fileprivate func handle(_ name: String) throws -> FileHandle {
    FileHandle(fileDescriptor: try make(name).descriptor, closeOnDealloc: true)
  }
}

/// Programs in PATH.
enum SearchPath {
  static func find(_ program: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").utf8.split(separator: UInt8(ascii: ":"))
    return folders.map { "\(Substring($0))/\(program)" }.first { access($0, X_OK) == 0 }
  }
}
