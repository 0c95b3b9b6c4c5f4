import Foundation
import Recur
import TestSupport
import Testing

/// A run whose validation loss gets worse again: what was best is what is used.
@Suite(.tags(.mpi)) struct BestTests {
  /// The learning rate doubles with every epoch.
  private func trained(_ arguments: String...) throws -> (folder: Folder, report: [String: Any], err: String)
  {
    let folder = try Folder()
    try folder.writeWave(epochs: 12)
    let outcome = try Command.run(
      arguments: [
        "train", "wave.yaml", "--out", "run", "--json", "--set", "schedule={name: exponential, gamma: 2.2}",
      ]
        + arguments, in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return (folder, try outcome.json(), outcome.err)
  }

  private func evaluate(_ folder: Folder, _ arguments: String...) throws -> [String: Any] {
    try Command.run(arguments: ["evaluate", "run", "--json"] + arguments, in: folder.url).json()
  }

  private func loss(_ report: [String: Any], _ part: String = "validation") -> Double? {
    (report[part] as? [String: Any])?["loss"] as? Double
  }

  /// The validation loss of each epoch.
  private func losses(_ folder: Folder) throws -> [Double] {
    try String(contentsOfFile: folder.path("run/metrics.jsonl"), encoding: .utf8).split(separator: "\n")
      .compactMap { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
      .filter { $0["event"] as? String == "epoch" }.compactMap { loss($0) }
  }

  @Test(arguments: [[], ["--set", "train.ema=0.5"]]) func trainMeasuresTheBest(_ more: [String]) throws {
    let (folder, report, err) = try trained(
      more.isEmpty ? "--threads" : more[0], more.isEmpty ? "1" : more[1])
    let losses = try losses(folder)
    let best = try #require(losses.min())
    try #require(losses.count == 12 && losses[11] > 1.5 * best, "\(losses)")
    let epoch = losses.firstIndex(of: best)! + 1
    #expect(report["evaluated_epoch"] as? Int == epoch && report["evaluated_step"] as? Int == 5 * epoch)
    #expect(report["steps"] as? Int == 60 && loss(report) == best)
    for word in ["best:       /", "by validation.loss after epoch \(epoch)"] {
      #expect(err.contains(word), "\(err)")
    }

    let found = try evaluate(folder)
    #expect(
      found["epoch"] as? Int == epoch && loss(found) == best && loss(found, "test") == loss(report, "test"))
    #expect((found["chosen_by"] as? [String: Any])?["metric"] as? String == "validation.loss")
    let last = try evaluate(folder, "--last")
    #expect(last["epoch"] as? Int == 12 && loss(last) == losses[11] && last["chosen_by"] == nil)
    let other = try evaluate(folder, "--step", "\(5 * epoch)")
    #expect(other["checkpoint"] as? String == found["checkpoint"] as? String)
    // A file is what it is.
    let file = try Command.run(
      "evaluate", try #require(report["checkpoint"] as? String), "--json", in: folder.url)
    #expect(try loss(file.json()) == losses[11])
  }

  @Test func everyCommandTakesIt() throws {
    let (folder, report, _) = try trained()
    let best = try #require(report["best_checkpoint"] as? String)
    for arguments in [
      ["predict", "run", "--output", "p.csv"], ["export", "run", "--safetensors", "m.safetensors"],
      ["evaluate", "run"],
    ] {
      #expect(
        try Command.run(arguments: arguments + ["--json"], in: folder.url).json()["checkpoint"] as? String
          == best)
      let plain = try Command.run(arguments: arguments, in: folder.url)
      #expect(plain.out.contains("the run's best by validation.loss"), "\(plain.out)")
      let last = try Command.run(arguments: arguments + ["--last", "--json"], in: folder.url).json()
      #expect(last["checkpoint"] as? String == report["checkpoint"] as? String)
    }
    // Going on means from the newest.
    let more = try Command.run(
      "train", "wave.yaml", "--out", "run", "--json", "--resume", "auto", "--set", "train.epochs=13", "--set",
      "schedule={name: exponential, gamma: 2.2}", in: folder.url)
    #expect(
      try more.json()["steps"] as? Int == 65
        && more.json()["evaluated_step"] as? Int == report["evaluated_step"] as? Int)
  }

  @Test func withoutAValidationMetricItIsTheNewest() throws {
    for setting in [
      "checkpoint.metric=train.loss", "checkpoint.keep_best=0", "data.split={train: 40, test: rest}",
    ] {
      let (folder, report, _) = try trained("--set", setting)
      #expect(report["evaluated_step"] as? Int == 60)
      #expect(try evaluate(folder)["step"] as? Int == 60, "\(setting)")
    }
  }

  @Test func aBestThatIsLostIsNotTheRunsBest() throws {
    for damage in ["rm", "truncate -s 100"] {
      let (folder, report, _) = try trained()
      let best = try #require(report["best_checkpoint"] as? String)
      let value = try #require(loss(report))
      let broken = Process()
      broken.executableURL = URL(fileURLWithPath: "/bin/sh")
      broken.arguments = ["-c", "\(damage) '\(best)'"]
      try broken.run()
      broken.waitUntilExit()
      let outcome = try Command.run("evaluate", "run", in: folder.url)
      #expect(outcome.status == 0 && !outcome.out.contains("the run's best"), "\(outcome.out)")
      #expect(
        outcome.err.contains("the run's best by validation.loss")
          && outcome.err.contains("is missing or damaged"))
      let chosen = try evaluate(folder)["chosen_by"] as? [String: Any]
      #expect(chosen?["better_lost"] as? Double == value)
    }
  }

  @Test func anotherMetricBeginsAnew() throws {
    let (folder, _, _) = try trained()
    let more = try Command.run(
      "train", "wave.yaml", "--out", "run", "--json", "--resume", "auto", "--set", "train.epochs=14", "--set",
      "schedule={name: exponential, gamma: 2.2}", "--set", "checkpoint.metric=validation.mae", in: folder.url)
    #expect(more.status == 0 && more.err.contains("checkpoint.metric was validation.loss"), "\(more.err)")
    let found = try evaluate(folder)
    #expect((found["chosen_by"] as? [String: Any])?["metric"] as? String == "validation.mae")
    #expect(try #require(found["epoch"] as? Int) > 12)
  }

  @Test func whatIsNotThereIsSaid() throws {
    let (folder, report, _) = try trained()
    let missing = try Command.run("evaluate", "run", "--step", "7", in: folder.url)
    #expect(
      missing.status == 66 && missing.err.contains("has no checkpoint of step 7; it has those of steps"))
    let both = try Command.run("evaluate", "run", "--step", "7", "--last", in: folder.url)
    #expect(both.status == 64 && both.err.contains("give one of them"))
    let file = try #require(report["checkpoint"] as? String)
    let single = try Command.run("predict", file, "--step", "5", "--output", "-", in: folder.url)
    #expect(single.status == 64 && single.err.contains("is a file, which has one step"))
  }
}
