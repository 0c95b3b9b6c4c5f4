import Foundation
import TestSupport
import Testing

let mpirun = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
  .map { "\($0)/mpirun" }.first { FileManager.default.isExecutableFile(atPath: $0) }

/// The same recipe under mpirun: as many ranks as were asked for, and the numbers of one process.
@Suite(.tags(.mpi), .enabled(if: mpirun != nil, "mpirun is not installed"))
struct RankTests {
  private func train(
    ranks: Int, reduction: String = "fast", coordinator: String = "shared", in folder: Folder
  ) throws -> [String: Any] {
    let outcome = try Command.run(
      "launch", "-n", "\(ranks)", "--", "train", "wave.yaml", "--out",
      "run-\(reduction)-\(coordinator)-\(ranks)",
      "--json", "--set", "distributed.coordinator=\(coordinator)",
      "--set", "distributed.reduction=\(reduction)", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    return try outcome.json()
  }

  @Test func anyNumberOfRanksTrainsTheSameModel() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 5)
    let alone = try Command.run("train", "wave.yaml", "--out", "run", "--json", in: folder.url).json()
    let expected = try #require(alone["epoch_losses"] as? [Double])
    for ranks in 1...4 {
      let report = try train(ranks: ranks, in: folder)
      #expect(report["ranks"] as? Int == ranks)
      #expect(report["steps"] as? Int == alone["steps"] as? Int)
      let losses = try #require(report["epoch_losses"] as? [Double])
      #expect(losses.count == expected.count)
      for (a, b) in zip(losses, expected) {
        #expect(abs(a - b) < 1e-4 * b, "\(ranks) ranks: \(a), alone \(b)")
      }
      if ranks == 1 { #expect(losses == expected) }
    }
  }

  @Test(arguments: [("shared", 3, "1 of 3"), ("dedicated", 4, "1 of 3"), ("shared", 2, nil)])
  func ranksWithoutSamplesAreNamed(coordinator: String, ranks: Int, idle: String?) throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1)
    let outcome = try Command.run(
      "launch", "-n", "\(ranks)", "--", "train", "wave.yaml", "--out", "run", "--set", "train.batch_size=2",
      "--set", "distributed.coordinator=\(coordinator)", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    let words = idle.map { "\($0) ranks that train have no sample: a batch has 2" }
    #expect(outcome.out.contains(words ?? "runs on"), "\(outcome.out)")
    #expect(outcome.out.contains("have no sample") == (idle != nil))
  }

  @Test func strictRunsEndWithTheSameBits() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 5)
    let alone = try Command.run(
      "train", "wave.yaml", "--out", "run", "--json", "--set", "distributed.reduction=strict", in: folder.url
    ).json()
    let hash = try #require(alone["parameters_sha256"] as? String)
    for (ranks, coordinator) in [
      (2, "shared"), (3, "shared"), (4, "shared"), (2, "dedicated"), (3, "dedicated"),
    ] {
      let report = try train(ranks: ranks, reduction: "strict", coordinator: coordinator, in: folder)
      #expect(report["parameters_sha256"] as? String == hash, "\(ranks) ranks")
      #expect(report["epoch_losses"] as? [Double] == alone["epoch_losses"] as? [Double])
      #expect(report["validation"] as? NSDictionary == alone["validation"] as? NSDictionary)
    }
  }

  private static let tasks = [
    (
      "data: {format: text, path: d.txt, sequence_length: 6, split: {train: 0.8, test: rest}}",
      "model: {embedding: 4, cell: lstm, hidden_size: 6, dropout: 0.1, num_layers: 2, readout: every_step, head: [{linear: classes}]}"
    ),
    (
      "data: {format: pairs, path: d.txt, split: {train: 0.8, test: rest}}",
      "model: {embedding: 4, cell: gru, hidden_size: 6, decoder: {embedding: 4, attention: dot, beam: 2}, head: [{linear: classes}]}"
    ),
  ]

  /// States carried along a text, and sentences that are searched for.
  @Test(arguments: tasks) func textsAndPairsToo(data: String, model: String) throws {
    let folder = try Folder()
    let lines = (0..<60).map { i in "\(String("abcdefgh".dropFirst(i % 7)))\t\(i * i % 97)\n" }
    try folder.write("d.txt", lines.joined())
    try folder.write(
      "task.yaml",
      """
      \(data)
      \(model)
      loss: cross_entropy
      optimizer: {name: adam, lr: 0.02}
      train: {epochs: 2, batch_size: 4}
      distributed: {reduction: strict, lanes: 4}
      """)
    let alone = try Command.run("train", "task.yaml", "--out", "run", "--json", in: folder.url).json()
    for ranks in [2, 3] {
      let report = try Command.run(
        "launch", "-n", "\(ranks)", "--", "train", "task.yaml", "--out", "run\(ranks)", "--json",
        in: folder.url
      ).json()
      for key in ["parameters_sha256", "epoch_losses", "test"] {
        let expected = try #require(alone[key] as? NSObject)
        #expect(report[key] as? NSObject == expected, "\(key) of \(ranks) ranks")
      }
    }
  }

  @Test func aBadRecipeUnderMPIEndsAllRanksWithItsCode() throws {
    let folder = try Folder()
    try folder.writeWave()
    let outcome = try Command.run(
      "launch", "-n", "3", "--", "train", "wave.yaml", "--out", "run", "--set", "data.window=500",
      in: folder.url)
    #expect(outcome.status == 65, "\(outcome.err)")
    #expect(outcome.err.contains("data.window"))
    #expect(!folder.holds("run"))
  }
}
