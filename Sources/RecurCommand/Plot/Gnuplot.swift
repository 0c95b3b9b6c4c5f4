import Diagnostics
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
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("recur-plot-\(getpid())-\(UInt32.random(in: .min ... .max))")
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let file = folder.appendingPathComponent("figure.gnuplot")
      try Data(script.text.utf8).write(to: file)
      return try run(file)
    } catch let error as CocoaError {
      throw Failure.inputOutput("can't write a temporary file: \(error.localizedDescription); set TMPDIR")
    }
  }

  /// Files in place of pipes for the words of gnuplot, so that neither side can block the other.
  private func run(_ script: URL) throws -> Data {
    let process = Process()
    let picture = Pipe()
    let complaints = script.deletingLastPathComponent().appendingPathComponent("complaints")
    try Data().write(to: complaints)
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = ["-d", script.path]
    process.standardOutput = picture
    process.standardError = try FileHandle(forWritingTo: complaints)
    try process.run()
    let data = picture.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0, !data.isEmpty else {
      let said = (try? String(contentsOf: complaints, encoding: .utf8)) ?? ""
      let line = said.split(whereSeparator: \.isNewline).last(where: { !$0.isEmpty }) ?? "no message"
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
