import Foundation

/// What a program that a test started did.
public struct Outcome: Sendable {
  public var status: Int32
  public var output: String
  public var errors: String
  public var seconds: Double
}

/// Runs a program to its end, or to `limit` seconds, when it is killed. `meanwhile` gets its process number.
public func run(
  _ program: String, _ arguments: [String], environment: [String: String] = [:], limit: Double = 60,
  meanwhile: ((pid_t) -> Void)? = nil
) throws -> Outcome {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let (out, err) = (folder.appendingPathComponent("out"), folder.appendingPathComponent("err"))
  for file in [out, err] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
  process.standardOutput = try FileHandle(forWritingTo: out)
  process.standardError = try FileHandle(forWritingTo: err)
  process.standardInput = FileHandle.nullDevice
  let start = Date()
  try process.run()
  meanwhile?(process.processIdentifier)
  while process.isRunning, -start.timeIntervalSinceNow < limit { usleep(10_000) }
  if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  process.waitUntilExit()
  // A program may write any bytes: a text of them, for one.
  func text(_ file: URL) throws -> String { String(decoding: try Data(contentsOf: file), as: UTF8.self) }
  return Outcome(
    status: process.terminationStatus, output: try text(out), errors: try text(err),
    seconds: -start.timeIntervalSinceNow)
}

/// Where a program is in the search path.
public func find(_ program: String) -> String? {
  (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }
}

/// The package's root.
public let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// A program this package builds, beside the tests.
public func built(_ program: String) -> String {
  var folder = URL(fileURLWithPath: CommandLine.arguments[0])
  while folder.path != "/" {
    folder.deleteLastPathComponent()
    let file = folder.appendingPathComponent(program).path
    if FileManager.default.isExecutableFile(atPath: file) { return file }
  }
  return program
}

public func pause(_ time: Duration) {
  usleep(UInt32(time.components.seconds * 1_000_000 + time.components.attoseconds / 1_000_000_000_000))
}
