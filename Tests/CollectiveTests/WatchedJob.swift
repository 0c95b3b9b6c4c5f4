import Collective
import Foundation
import TestSupport

/// A job of `collective-check` under the supervisor of `recur launch`, and the file in which each of its runs leaves a line.
enum WatchedJob {
  static func launch(
    _ ranks: Int, restarts: Int, _ file: String, _ codes: [String], under mpi: TestMPI = .system,
    meanwhile: ((pid_t) -> Void)? = nil
  ) throws -> Outcome {
    var environment = mpi.environment
    if mpi.description != TestMPI.system.description {
      environment["CHECK_STARTER"] = mpi.program
      environment["CHECK_KIND"] = try kind(of: mpi)?.rawValue
    }
    return try run(
      built("collective-check"), ["launch", "\(ranks)", "\(restarts)", "job", file] + codes,
      environment: environment, meanwhile: meanwhile)
  }

  /// What the starter says that it is.
  static func kind(of mpi: TestMPI) throws -> Starter? {
    guard let program = mpi.program else { return nil }
    return Starter(
      program: program,
      version: { try? run(program, ["--version"], environment: mpi.environment).output })
  }

  /// What each run of the job wrote: ranks, process numbers, arguments.
  static func runs(_ file: String) -> [String] {
    ((try? String(contentsOfFile: file, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
  }

  static func waitForRuns(_ count: Int, _ file: String) {
    for _ in 0..<1000 where runs(file).count < count { usleep(10_000) }
    usleep(200_000)
  }

  /// The processes of the first run.
  static func ranks(_ file: String) -> [pid_t] {
    runs(file).first?.split(separator: " ")[1].split(separator: ",").compactMap { pid_t($0) } ?? []
  }

  static func holds(within seconds: Int, _ condition: () -> Bool) -> Bool {
    for _ in 0..<seconds * 100 {
      if condition() { return true }
      usleep(10_000)
    }
    return condition()
  }

  static func isStopped(_ pid: pid_t) -> Bool {
    (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8))?.contains(") T ") == true
  }

  /// The signals that a thread holds back, a bit each; of all threads but one that waits for them.
  static func blockedSignals(_ task: String) -> UInt64 {
    let status = (try? String(contentsOfFile: "\(task)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("SigBlk:") }
    return line.flatMap { UInt64($0.dropFirst(7).filter(\.isHexDigit), radix: 16) } ?? 0
  }

  /// A number that no process has where there is none: a signal to -1 would go to every process of the machine.
  static func child(of parent: pid_t) -> pid_t {
    let list = try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
    return list?.split(separator: " ").first.flatMap { pid_t($0) } ?? pid_t.max
  }

  /// Whether a process is there and not just waiting to be collected.
  static func runs(pid: pid_t) -> Bool {
    guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
    return !status.contains(") Z ")
  }

  static func withFile(_ body: (String) throws -> Void) throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: file) }
    try body(file)
  }
}
