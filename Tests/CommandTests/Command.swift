import Foundation
import Testing

/// Runs the built `recur` the way a shell would.
struct Command {
  struct Outcome {
    let status: Int32
    let out: String
    let err: String

    /// The last line of standard output as JSON.
    func json() throws -> [String: Any] {
      let line = try #require(out.split(separator: "\n").last, "no output; stderr: \(err)")
      return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  /// Beside the test bundle in the build folder.
  static let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("recur")

  /// The package's root.
  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// A command under way; its output goes to files, so that it never waits for a reader.
  final class Running {
    let process = Process()
    private let folder: Folder
    private var files: [FileHandle] = []

    init(_ arguments: [String], in directory: URL, environment: [String: String]) throws {
      folder = try Folder()
      for name in ["out", "err"] {
        try Data().write(to: folder.url.appendingPathComponent(name))
        files.append(try FileHandle(forWritingTo: folder.url.appendingPathComponent(name)))
      }
      process.executableURL = Command.executable
      process.arguments = arguments
      process.currentDirectoryURL = directory
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = files[0]
      process.standardError = files[1]
      try process.run()
    }

    func text(_ name: String) -> String {
      (try? String(contentsOf: folder.url.appendingPathComponent(name), encoding: .utf8)) ?? ""
    }

    /// Returns when standard error holds `text`, or the process has ended, or a minute is over.
    /// - after: what has to be said before it.
    func waitForError(containing text: String, after mark: String = "") {
      func isSaid() -> Bool {
        let errors = self.text("err")
        guard !mark.isEmpty else { return errors.contains(text) }
        return errors.range(of: mark).map { errors[$0.upperBound...].contains(text) } ?? false
      }
      for _ in 0..<6000 where process.isRunning && !isSaid() { usleep(10_000) }
    }

    /// A process that hangs is ended after two minutes, or as many seconds as given.
    func outcome(within seconds: Int = 120) -> Outcome {
      for _ in 0..<seconds * 100 where process.isRunning { usleep(10_000) }
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
      process.waitUntilExit()
      return Outcome(status: process.terminationStatus, out: text("out"), err: text("err"))
    }
  }

  static func start(
    _ arguments: String..., in directory: URL = repository, environment: [String: String] = [:]
  ) throws -> Running {
    try Running(arguments, in: directory, environment: environment)
  }

  static func run(
    _ arguments: String..., in directory: URL = repository, environment: [String: String] = [:]
  ) throws -> Outcome {
    try Running(arguments, in: directory, environment: environment).outcome()
  }

  static func run(arguments: [String], in directory: URL = repository) throws -> Outcome {
    try Running(arguments, in: directory, environment: [:]).outcome()
  }
}

/// A temporary folder that goes with its owner.
final class Folder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("recur-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    try Data(text.utf8).write(to: url.appendingPathComponent(name))
    return path(name)
  }

  func read(_ name: String) throws -> String {
    try String(contentsOf: url.appendingPathComponent(name), encoding: .utf8)
  }

  func holds(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
}

extension Folder {
  /// A wave of 80 rows in `wave.csv` and a small recipe for it, `wave.yaml`.
  func writeWave(epochs: Int = 4, rows: Int = 80) throws {
    let lines = (0..<rows).map { i in
      let t = Double(i) / 5
      return "\(sin(t)),\(cos(t)),\(100 + 10 * sin(t + 0.3))"
    }
    try write("wave.csv", (["a,b,y"] + lines).joined(separator: "\n") + "\n")
    try write(
      "wave.yaml",
      """
      name: wave
      seed: 7
      data:
        format: csv
        path: wave.csv
        features: [a, b]
        targets: [y]
        scale: minmax
        window: 4
        horizon: 1
        split: {train: 40, validation: 16, test: rest}
      model:
        cell: gru
        hidden_size: 6
        readout: last_step
        head: [{linear: 1}]
      loss: mse
      optimizer: {name: adam, lr: 0.01}
      train: {epochs: \(epochs), batch_size: 8}
      """)
  }
}
