import Foundation
import TestSupport
import Testing

/// Runs over data that stay in their files: the same bits as in memory, for any number of ranks, stopped or not; a file that changes
/// meanwhile is one line, on all ranks.
@Suite(.tags(.mpi), .serialized) struct ShardRunTests {
  private let folder: Folder
  private static let settings = [
    "distributed.reduction=strict", "distributed.lanes=4", "data.shuffle_block=6",
  ]

  init() throws {
    folder = try Folder()
    for name in ["inputs", "labels"] {
      try FileManager.default.createDirectory(atPath: folder.path(name), withIntermediateDirectories: true)
    }
    for (number, samples) in [0..<90, 90..<91, 91..<200].enumerated() {
      let numbers = samples.flatMap { sample in (0..<12).map { Float(sin(Double(sample * 3 + $0))) } }
      try write(
        "inputs/\(number).npy",
        ArrayFiles.npy("<f4", "(\(samples.count), 4, 3)", ArrayFiles.bytes(numbers)))
      try write(
        "labels/\(number).npy", ArrayFiles.npy("|u1", "(\(samples.count),)", samples.map { UInt8($0 % 3) }))
    }
    try folder.write(
      "shards.yaml",
      """
      seed: 3
      data: {format: npy, path: inputs, labels_path: labels/*.npy, scale: standard, split: {train: 160, validation: rest}}
      model: {cell: gru, hidden_size: 6, readout: last_step, head: [{linear: classes}]}
      loss: cross_entropy
      optimizer: {name: adam, lr: 0.01}
      train: {epochs: 3, batch_size: 16}
      """)
  }

  private func write(_ name: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: folder.path(name)))
  }

  private func arguments(_ run: String, _ settings: [String]) -> [String] {
    ["train", "shards.yaml", "--out", folder.path(run), "--json"]
      + (Self.settings + settings).flatMap { ["--set", $0] }
  }

  private func hash(_ outcome: Command.Outcome) throws -> String {
    #expect(outcome.status == 0, "\(outcome.err)")
    return try #require(try outcome.json()["parameters_sha256"] as? String)
  }

  @Test func memoryAndRanksDoNotMatter() throws {
    let whole = try hash(Command.run(arguments: arguments("whole", []), in: folder.url))
    // Sample by sample, and by blocks that are read ahead.
    for memory in ["1", "9000"] {
      let stored = arguments("stored-\(memory)", ["data.memory=\(memory)"])
      #expect(try hash(Command.run(arguments: stored, in: folder.url)) == whole)
    }
    guard mpirun != nil else { return }
    for ranks in [2, 4] {
      for memory in ["1", "9000", "1GiB"] {
        let job =
          ["launch", "-n", "\(ranks)", "--"]
          + arguments("ranks-\(ranks)-\(memory)", ["data.memory=\(memory)"])
        #expect(try hash(Command.run(arguments: job, in: folder.url)) == whole)
      }
    }
  }

  /// Killed, and gone on with on other ranks and in memory.
  @Test(arguments: [[1, 1], [1, 2], [2, 4], [4, 1]]) func aKilledRunGoesOn(ranks: [Int]) throws {
    if ranks.contains(where: { $0 > 1 }), mpirun == nil { return }
    func job(_ ranks: Int) -> [String] { ranks == 1 ? [] : ["launch", "-n", "\(ranks)", "--"] }
    let whole = try hash(Command.run(arguments: arguments("whole", ["train.epochs=40"]), in: folder.url))
    let settings = ["train.epochs=40", "data.memory=9000", "checkpoint.every_seconds=0.001"]
    let running = try Command.Running(
      job(ranks[0]) + arguments("run", settings), in: folder.url, environment: [:])
    for _ in 0..<3000 where running.process.isRunning && !folder.holds("run/checkpoints/latest") {
      usleep(1000)
    }
    kill(running.process.processIdentifier, SIGKILL)
    _ = running.outcome()
    let again = arguments("run", ["train.epochs=40", "data.memory=1GiB"]) + ["--resume", "auto"]
    // A launcher that is killed can't wait for its ranks: they notice it within a second, on a busy machine later.
    var outcome = try Command.run(arguments: job(ranks[1]) + again, in: folder.url)
    for _ in 0..<100 where outcome.status == 75 && outcome.err.contains("is in use by process") {
      usleep(200_000)
      outcome = try Command.run(arguments: job(ranks[1]) + again, in: folder.url)
    }
    #expect(try hash(outcome) == whole)
  }

  @Test(arguments: ["cut", "removed"]) func aChangedShardEndsAllRanks(how: String) throws {
    let settings = ["train.epochs=1000000", "data.memory=1"]
    let isJob = mpirun != nil
    let job = (isJob ? ["launch", "-n", "2", "--"] : []) + arguments("run", settings)
    let running = try Command.Running(job, in: folder.url, environment: [:])
    running.waitForError(containing: "epoch ")
    if how == "cut" {
      try #require(FileHandle(forWritingAtPath: folder.path("inputs/0.npy"))).truncate(atOffset: 200)
    } else {
      try FileManager.default.removeItem(atPath: folder.path("inputs/0.npy"))
    }
    let outcome = running.outcome()
    #expect(outcome.status == (how == "cut" ? 74 : 66), "\(outcome.err)")
    let lines = outcome.err.split(separator: "\n").filter { $0.contains("inputs/0.npy") }
    #expect(!lines.isEmpty && lines.count <= 2, "\(outcome.err)")
    #expect(
      lines.allSatisfy { $0.contains(how == "cut" ? "bytes and has 200 now" : "is not there any more") })
  }
}
