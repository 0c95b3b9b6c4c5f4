import Foundation
import TestSupport
import Testing

/// `train --seeds`: one run a seed, each what it would be alone, and what they have in common.
@Suite(.tags(.mpi)) struct SeedsTests {
  private func hashes(_ report: [String: Any]) throws -> [String?] {
    try #require(report["runs"] as? [[String: Any]]).map { $0["parameters_sha256"] as? String }
  }

  @Test func eachSeedIsARunOfItsOwnAndTheSpreadIsTheirs() throws {
    let folder = try Folder()
    try folder.writeWave()
    let outcome = try Command.run(
      "train", "wave.yaml", "--seeds", "3,1,8", "--out", "runs", "--json", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    let report = try outcome.json()
    #expect(report["seeds"] as? [Int] == [3, 1, 8])
    let alone = try [3, 1, 8].map { seed in
      try Command.run(
        "train", "wave.yaml", "--out", "alone-\(seed)", "--set", "seed=\(seed)", "--json", in: folder.url
      ).json()
    }
    #expect(try hashes(report) == alone.map { $0["parameters_sha256"] as? String })
    let metrics = try #require(report["metrics"] as? [[String: Any]])
    #expect(metrics.contains { $0["name"] as? String == "test.original_mae" })
    for name in ["validation.loss", "test.mae"] {
      let metric = try #require(metrics.first { $0["name"] as? String == name })
      let parts = name.split(separator: ".").map(String.init)
      let values = try alone.map { try #require(($0[parts[0]] as? [String: Any])?[parts[1]] as? Double) }
      let mean = values.reduce(0, +) / 3
      let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2).squareRoot()
      #expect(metric["values"] as? [Double] == values)
      #expect(abs(try #require(metric["mean"] as? Double) - mean) < 1e-12)
      #expect(abs(try #require(metric["standard_deviation"] as? Double) - deviation) < 1e-12)
    }
    // Again: nothing is trained, and the same is said.
    let again = try Command.run(
      "train", "wave.yaml", "--seeds", "3,1,8", "--out", "runs", "--json", in: folder.url)
    #expect(try hashes(again.json()) == hashes(report) && again.err.contains("no step now"), "\(again.err)")
    let other = try Command.run(
      "train", "wave.yaml", "--seeds", "2", "--out", "runs/seed-1", in: folder.url)
    #expect(other.status == 64 && other.err.contains("holds a run itself"), "\(other.err)")
  }

  @Test func aStopLosesNothing() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 5000)
    let words = ["train", "wave.yaml", "--seeds", "3", "--out", "runs", "--json", "--threads", "1"]
    let running = try Command.Running(words, in: folder.url, environment: [:])
    // In the middle of the second run.
    for _ in 0..<6000 where running.process.isRunning && !folder.holds("runs/seed-2/metrics.jsonl") {
      usleep(5000)
    }
    kill(running.process.processIdentifier, SIGTERM)
    let stopped = running.outcome()
    #expect(stopped.status == 75 && !folder.holds("runs/seed-3"), "\(stopped.err)")
    #expect(try stopped.json()["status"] as? String == "interrupted")
    let ended = try Command.run(arguments: words, in: folder.url)
    let straight = try Command.run(
      "train", "wave.yaml", "--seeds", "3", "--out", "straight", "--threads", "1", "--json", in: folder.url)
    #expect(ended.status == 0 && straight.status == 0, "\(ended.err)")
    #expect(try hashes(ended.json()) == hashes(straight.json()))
  }

  @Test(.enabled(if: mpirun != nil, "mpirun is not installed")) func ranksTrainEachSeedTogether() throws {
    let folder = try Folder()
    try folder.writeWave()
    let strict = ["--set", "distributed.reduction=strict", "--seeds", "2", "--json"]
    let alone = try Command.run(
      arguments: ["train", "wave.yaml", "--out", "alone"] + strict, in: folder.url)
    let ranks = try Command.run(
      arguments: ["launch", "-n", "2", "--", "train", "wave.yaml", "--out", "ranks"] + strict, in: folder.url)
    #expect(ranks.status == 0, "\(ranks.err)")
    #expect(try hashes(ranks.json()) == hashes(alone.json()))
  }

  @Test(arguments: ["0", "1,1", "1,x", "", "2000", "-1"]) func aListThatIsNoneIsRefused(_ list: String) throws
  {
    let outcome = try Command.run("train", "wave.yaml", "--out", "o", "--seeds=\(list)")
    #expect(outcome.status == 64 && outcome.err.contains("--seeds"), "\(outcome.err)")
  }
}
