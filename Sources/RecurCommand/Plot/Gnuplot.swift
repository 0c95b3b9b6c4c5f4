import Collective
import Diagnostics
import Files
import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

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
    let commands = try folder.opened("figure", script.text.utf8)
    defer { close(commands) }
    let words = try folder.make("words")
    defer { close(words.descriptor) }
    let (picture, end) = try ChildProcess.output(
      of: executable, ["-d"], input: commands, errors: words.descriptor)
    guard end == .code(0), !picture.isEmpty else {
      let said = (try? InputFile(path: words.path, key: "gnuplot"))?.withBytes(Array.init) ?? []
      let line = said.split(separator: UInt8(ascii: "\n")).last.map { String(decoding: $0, as: UTF8.self) }
      throw Failure(.unavailable, "gnuplot could not draw the picture: \(line ?? "no message")")
    }
    return Data(picture)
  }
}

/// Programs in PATH.
enum SearchPath {
  static func find(_ program: String) -> String? {
    let folders = (getenv("PATH").map { String(cString: $0) } ?? "").utf8.split(separator: UInt8(ascii: ":"))
    return folders.map { "\(Substring($0))/\(program)" }.first { access($0, X_OK) == 0 }
  }
}
