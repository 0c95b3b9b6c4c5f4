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
  func draw(_ script: GnuplotScript) throws -> Data {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let file = try folder.write("figure.gnuplot", script.text.utf8)
    return try run(file, complaints: folder.make("complaints"))
  }

  /// Files in place of pipes for the words of gnuplot, so that neither side can block the other.
  private func run(_ script: String, complaints: (path: String, descriptor: Int32)) throws -> Data {
    let process = Process()
    let picture = Pipe()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = ["-d", script]
    process.standardOutput = picture
    process.standardError = FileHandle(fileDescriptor: complaints.descriptor, closeOnDealloc: true)
    try process.run()
    let data = picture.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0, !data.isEmpty else {
      let said = (try? InputFile.lines(of: complaints.path, key: "", limit: 1 << 20)) ?? []
      let line = said.last(where: { !$0.isEmpty }) ?? "no message"
      throw Failure(.internalError, "gnuplot could not draw the picture: \(line)")
    }
    return data
  }
}

/// Programs in PATH.
enum SearchPath {
  static func find(_ program: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
  }
}
