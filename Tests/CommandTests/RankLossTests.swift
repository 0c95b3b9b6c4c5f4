import Foundation
import TestSupport
import Testing

/// Jobs under a real mpirun in which something happens to one rank.
@Suite(.tags(.mpi), .serialized, .enabled(if: mpirun != nil, "mpirun is not installed"))
struct RankLossTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.writeWave(epochs: 1_000_000)
  }

  /// Starts a job and returns when its ranks train.
  private func start(ranks: Int, _ settings: String...) throws -> Command.Running {
    let running = try Command.Running(
      ["launch", "-n", "\(ranks)", "--", "train", "wave.yaml", "--out", folder.path("run"), "--json"]
        + settings.flatMap { ["--set", $0] }, in: folder.url, environment: [:])
    running.waitForError(containing: "epoch ")
    return running
  }

  /// The process that is this rank of the job in the folder.
  private func process(ofRank rank: Int) throws -> pid_t {
    let run = folder.path("run")
    let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }
    return try #require(
      numbers.first { number in
        let file = { (name: String) in
          FileManager.default.contents(atPath: "/proc/\(number)/\(name)") ?? Data()
        }
        let (words, environment) = (file("cmdline"), file("environ"))
        return words.range(of: Data(run.utf8)) != nil
          && environment.range(of: Data("OMPI_COMM_WORLD_RANK=\(rank)\0".utf8)) != nil
      }, "rank \(rank) is not running")
  }

  @Test func aKilledRankEndsTheJobAtOnce() throws {
    // Not by its watchdogs, which would take longer than this test waits.
    let running = try start(ranks: 3, "distributed.stall_timeout=600")
    #expect(kill(try process(ofRank: 1), SIGKILL) == 0)
    let outcome = running.outcome()
    #expect(outcome.status == 128 + SIGKILL, "\(outcome.err)")
    #expect(outcome.err.contains("signal 9"))
  }

  @Test func aDedicatedCoordinatorMissesItsWorker() throws {
    let running = try start(
      ranks: 2, "distributed.stall_timeout=2", "distributed.coordinator=dedicated")
    #expect(kill(try process(ofRank: 1), SIGSTOP) == 0)
    let outcome = running.outcome()
    #expect(outcome.status == 75 && outcome.err.contains("rank 0 of 2 on "), "\(outcome.err)")
    #expect(outcome.err.contains("gives up") && outcome.err.contains("for rank 1 on "), "\(outcome.err)")
  }

  @Test func aStoppedRankIsNamedOnceAndTheJobEndsWorthARetry() throws {
    let running = try start(ranks: 3, "distributed.stall_timeout=3")
    let begin = Date()
    let stopped = try process(ofRank: 1)
    #expect(kill(stopped, SIGSTOP) == 0)
    let outcome = running.outcome()
    #expect(outcome.status == 75, "\(outcome.err)")
    #expect(-begin.timeIntervalSinceNow >= 3)
    // On a busy machine others may have been waited for before.
    let lines = outcome.err.split(separator: "\n").filter { $0.contains("the job has waited") }
    #expect(
      lines.contains {
        $0.hasPrefix("recur: rank 0 of 3 on ") && $0.contains(" rank 1 on ") && $0.contains("at step ")
      }, "\(outcome.err)")
    let blame = outcome.err.split(separator: "\n").filter { $0.contains("gives up after") }
    #expect(blame.count == 1 && blame[0].contains("waited for rank 1 on "), "\(outcome.err)")
    for _ in 0..<500 where kill(stopped, 0) == 0 { usleep(10_000) }
    #expect(kill(stopped, 0) != 0, "the stopped rank is still there")
  }

  @Test(arguments: [SIGTERM, SIGINT]) func aSignalToOneRankStopsAllAndSavesOnce(_ signal: Int32) throws {
    let running = try start(ranks: 3, "distributed.reduction=strict")
    #expect(kill(try process(ofRank: 2), signal) == 0)
    let outcome = running.outcome()
    #expect(outcome.status == 75, "\(outcome.err)")
    let report = try outcome.json()
    #expect(report["status"] as? String == "interrupted")
    let saved = try FileManager.default.contentsOfDirectory(atPath: folder.path("run/checkpoints"))
      .filter { $0.hasPrefix("step-") }
    // Beside it there may be the best one, which waited for its second.
    let best =
      (report["best_checkpoint"] as? String).map { [URL(fileURLWithPath: $0).lastPathComponent] } ?? []
    let last = URL(fileURLWithPath: report["checkpoint"] as? String ?? "").lastPathComponent
    #expect(Set(saved) == Set(best + [last]) && saved.max() == last)
    try goesOnTheSame(report)
  }

  /// The run goes on from there on another number of ranks, and ends as one that was never stopped.
  private func goesOnTheSame(_ report: [String: Any]) throws {
    let goal = "train.epochs=\(try #require(report["epochs"] as? Int) + 2)"
    let settings = ["--set", goal, "--set", "distributed.reduction=strict", "--json"]
    let resumed = try Command.Running(
      ["launch", "-n", "2", "--", "train", "wave.yaml", "--out", "run", "--resume", "auto"] + settings,
      in: folder.url, environment: [:]
    ).outcome()
    #expect(resumed.status == 0, "\(resumed.err)")
    let straight = try Command.Running(
      ["train", "wave.yaml", "--out", "other"] + settings, in: folder.url, environment: [:]
    ).outcome()
    let hashes = try [resumed, straight].map { try $0.json()["parameters_sha256"] as? String }
    #expect(hashes[0] != nil && hashes[0] == hashes[1])
  }
}
