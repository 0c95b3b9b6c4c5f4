import Foundation
import Recur
import TestSupport
import Testing

/// Jobs of two ranks under `recur launch`, in which any process may be killed at any time.
@Suite(.tags(.mpi, .long), .serialized, .enabled(if: mpirun != nil, "mpirun is not installed"))
struct KillTests {
  /// RECUR_KILLS asks for more of them.
  private static let kills = ProcessInfo.processInfo.environment["RECUR_KILLS"].flatMap { Int($0) } ?? 20
  private static let killsPerRun = 5

  private func start(_ folder: Folder, out: String, _ arguments: String...) throws -> Command.Running {
    // Half a second of training, saved a hundred times a second.
    try Command.Running(
      ["launch", "-n", "2", "--max-restarts", "1000", "--restart-pause", "0.05", "--", "train", "wave.yaml"]
        + [
          "--set", "distributed.reduction=strict", "--set", "checkpoint={every_seconds: 0.01, keep_last: 2}",
        ]
        + ["--out", folder.path(out), "--json"] + arguments, in: folder.url, environment: [:])
  }

  @Test func noKillLosesARunOrChangesItsResult() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 600, rows: 120)
    let begin = Date()
    let undisturbed = try start(folder, out: "whole").outcome()
    let duration = -begin.timeIntervalSinceNow
    try #require(undisturbed.status == 0, "\(undisturbed.err)")
    let expected = try result(folder.path("whole"))
    #expect(try undisturbed.json()["parameters_sha256"] as? String == expected.parameters)

    var (kills, runs) = (0, 0)
    while kills < Self.kills {
      runs += 1
      let running = try start(folder, out: "run-\(runs)")
      for _ in 0..<min(Self.killsPerRun, Self.kills - kills) {
        usleep(UInt32.random(in: 0...UInt32(1e6 * duration)))
        guard let victim = descendants(of: running.process.processIdentifier).randomElement() else { break }
        if kill(victim, SIGKILL) == 0 { kills += 1 }
      }
      // Restarts on a busy machine, where each rank waits for the other's turn, take their time.
      let outcome = running.outcome(within: 900)
      #expect(outcome.status == 0, "run \(runs): \(outcome.err)")
      // Not from what was printed: a line may have been cut off by a kill.
      #expect(try result(folder.path("run-\(runs)")) == expected, "run \(runs)")
      try checkFiles(folder.path("run-\(runs)"))
    }
    print("\(kills) processes killed in \(runs) runs")
  }

  private struct Result: Equatable {
    let parameters: String
    let epochLosses: [Double]
    let step: Int
  }

  /// What the newest checkpoint holds.
  private func result(_ run: String) throws -> Result {
    let file = try #require(try RunDirectory.checkpoint(at: run).file)
    let values = file.tensors.filter { !$0.name.hasPrefix("optimizer.") }.flatMap(\.values)
    return Result(
      parameters: values.withUnsafeBufferPointer { parametersSHA256($0) },
      epochLosses: file.state.epochLosses,
      step: file.state.step)
  }

  /// Every epoch is logged once, every checkpoint can be used, and nothing unfinished lies about.
  private func checkFiles(_ run: String) throws {
    let lines = try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
    let epochs = lines.filter { $0.contains("\"event\":\"epoch\"") }
    #expect(epochs.count == 600)
    for (number, line) in epochs.enumerated() { #expect(line.contains("\"epoch\":\(number),")) }
    let names = try FileManager.default.contentsOfDirectory(atPath: run + "/checkpoints")
    #expect(names.filter { $0.hasSuffix(".safetensors") }.count >= 2)
    for name in names where name.hasSuffix(".safetensors") {
      #expect(throws: Never.self) { try CheckpointFile(reading: "\(run)/checkpoints/\(name)") }
    }
    // Newer than what was gone on from, or cut off by a kill: set aside under a name that says so.
    let others = names.filter { !$0.hasSuffix(".safetensors") && $0 != "latest" && $0 != "best" }
    #expect(others.allSatisfy { $0.hasSuffix(".superseded") || $0.hasSuffix(".damaged") }, "\(others)")
  }

  /// mpirun and the ranks.
  private func descendants(of process: pid_t) -> [pid_t] {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    let children = tasks.flatMap { task in
      ((try? String(contentsOfFile: "/proc/\(process)/task/\(task)/children", encoding: .utf8)) ?? "")
        .split(separator: " ").compactMap { pid_t($0) }
    }
    return children + children.flatMap { descendants(of: $0) }
  }
}
