import Foundation
import TestSupport
import Testing

/// Jobs of many more ranks than there are processors: start, steps, a rank that is killed or hangs, a restart, the end. RECUR_MANY_RANKS
/// asks for more of them: 256.
@Suite(.tags(.mpi), .serialized, .enabled(if: mpirun != nil, "mpirun is not installed"))
struct ManyRanksTests {
  private static let ranks =
    ProcessInfo.processInfo.environment["RECUR_MANY_RANKS"].flatMap { Int($0) } ?? 12
  private static let patience = ranks > 64 ? 1200 : 120
  /// So many that the job still runs when a process among very many is found.
  private static let epochs = ranks > 64 ? 200 : 12
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.writeWave(epochs: Self.epochs)
  }

  private var settings: [String] {
    // Each step is a point to go on from; a rank has up to two samples of a batch.
    [
      "train.batch_size=\(2 * Self.ranks)",
      "data.split={train: \(6 * Self.ranks), validation: 16, test: rest}",
      "checkpoint.every_epochs=1", "distributed.reduction=strict", "distributed.lanes=\(Self.ranks)",
      "distributed.stall_timeout=\(Self.ranks > 64 ? 30 : 6)",
    ]
  }

  private func start() throws -> Command.Running {
    try folder.writeWave(epochs: Self.epochs, rows: 6 * Self.ranks + 60)
    return try Command.Running(
      [
        "launch", "-n", "\(Self.ranks)", "--max-restarts", "1", "--", "train", "wave.yaml", "--out",
        folder.path("run"), "--json",
      ] + settings.flatMap { ["--set", $0] }, in: folder.url, environment: [:])
  }

  /// Returns when a checkpoint is there.
  private func waitForACheckpoint(_ running: Command.Running) {
    let latest = folder.path("run/checkpoints/latest")
    for _ in 0..<Self.patience * 100
    where running.process.isRunning && !FileManager.default.fileExists(atPath: latest) { usleep(10_000) }
  }

  private func process(ofRank rank: Int) throws -> pid_t {
    let run = folder.path("run")
    let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }
    return try #require(
      numbers.first { number in
        let file = { (name: String) in
          FileManager.default.contents(atPath: "/proc/\(number)/\(name)") ?? Data()
        }
        return file("cmdline").range(of: Data(run.utf8)) != nil
          && file("environ").range(of: Data("OMPI_COMM_WORLD_RANK=\(rank)\0".utf8)) != nil
      }, "rank \(rank) is not running")
  }

  @Test(arguments: [SIGKILL, SIGSTOP]) func aJobOfManyRanksSurvivesTheLossOfOne(_ signal: Int32) throws {
    let running = try start()
    waitForACheckpoint(running)
    #expect(kill(try process(ofRank: Self.ranks / 2), signal) == 0)
    let outcome = running.outcome(within: Self.patience)
    #expect(outcome.status == 0, "\(outcome.err.suffix(3000))")
    let report = try outcome.json()
    #expect(report["ranks"] as? Int == Self.ranks && report["epochs"] as? Int == Self.epochs)
    #expect(outcome.err.contains("restart 1 of 1"), "\(outcome.err.suffix(3000))")
    let blame = outcome.err.split(separator: "\n").filter { $0.contains("gives up after") }
    if signal == SIGSTOP {
      #expect(blame.count == 1 && blame[0].contains("waited for rank \(Self.ranks / 2) on "), "\(blame)")
      #expect(!blame[0].contains(", rank "), "\(blame)")
    } else {
      #expect(blame.isEmpty, "\(blame)")
    }
    // The bits of a run that nothing happened to, on one rank.
    let alone = try Command.Running(
      ["train", "wave.yaml", "--out", "alone", "--json"] + settings.flatMap { ["--set", $0] },
      in: folder.url, environment: [:]
    ).outcome(within: Self.patience)
    #expect(
      try alone.json()["parameters_sha256"] as? String == report["parameters_sha256"] as? String)
  }
}
