import Foundation
import TestSupport
import Testing

/// Damaged input for every reader of outside bytes.
@Suite(.tags(.long), .serialized) struct FuzzTests {
  /// RECUR_FUZZ asks for more executions of each reader; the usual is as many as some seconds allow.
  static let executions = ProcessInfo.processInfo.environment["RECUR_FUZZ"]

  private func fuzz(_ arguments: String...) throws -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appendingPathComponent("recur-fuzz")
    process.arguments = arguments + ["--save", NSTemporaryDirectory()]
    let output = Pipe()
    (process.standardOutput, process.standardError) = (output, output)
    try process.run()
    // Had the harness itself a fault, nobody would wait for ever.
    let id = process.processIdentifier
    let guardian = DispatchWorkItem { kill(id, SIGKILL) }
    if Self.executions == nil { DispatchQueue.global().asyncAfter(deadline: .now() + 120, execute: guardian) }
    defer { guardian.cancel() }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  @Test func nothingBreaksAReader() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    let end = Self.executions.map { ["--executions", $0] } ?? ["--seconds", "8"]
    let (status, text) = try fuzz("--seed", "\(seed)", end[0], end[1])
    #expect(status == 0, "seed \(seed): \(text)")
    #expect(text.contains("nothing found"), "\(text)")
  }

  /// The harness itself: each kind of failure is noticed and its input saved; giving that input again shows it again.
  @Test(arguments: ["faulty-trap", "faulty-hang", "faulty-memory", "faulty-message"])
  func whatIsWrongIsFound(reader: String) throws {
    let (status, text) = try fuzz("--reader", reader, "--executions", "100000")
    #expect(status != 0 && text.contains("again with: recur-fuzz --reader \(reader) --input "), "\(text)")
    let path = NSTemporaryDirectory() + "/recur-fuzz-\(reader)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count > 64)
    if !["faulty-memory", "faulty-hang"].contains(reader) {
      #expect(try fuzz("--reader", reader, "--input", path).status != 0)
    }
  }

  @Test func leaksAreFound() throws {
    let (status, text) = try fuzz("--reader", "faulty-leak", "--executions", "40000")
    #expect(status != 0 && text.contains("has kept"), "\(text)")
  }

  @Test func aSeedGivesTheSameInputs() throws {
    let runs = try (0..<2).map { _ in
      try fuzz("--reader", "recipe", "--executions", "500", "--seed", "3").text
    }
    let counts = runs.map { $0.prefix { $0 != "\n" }.split(separator: ",").dropLast().joined() }
    #expect(counts[0] == counts[1] && counts[0].contains("500 executions"), "\(runs)")
  }
}
