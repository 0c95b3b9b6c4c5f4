import Foundation
import TestSupport
import Testing

/// Runs side by side: what differs, what was reached, and what is not there.
@Suite(.tags(.mpi)) struct CompareTests {
  private func folder(_ rates: [String]) throws -> Folder {
    let folder = try Folder()
    try folder.writeWave()
    for rate in rates {
      let outcome = try Command.run(
        "train", "wave.yaml", "--out", "lr-\(rate)", "--set", "optimizer.lr=\(rate)", in: folder.url)
      try #require(outcome.status == 0, "\(outcome.err)")
    }
    return folder
  }

  @Test func theBestComesFirstWithWhatEvaluateMeasures() throws {
    let folder = try folder(["0.003", "0.1"])
    // Its validation loss gets worse again: what counts is its best.
    let outcome = try Command.run(
      "train", "wave.yaml", "--out", "mae", "--set", "loss=mae", "--set",
      "schedule={name: exponential, gamma: 4}", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    let names = ["lr-0.003", "lr-0.1", "mae"]
    let report = try Command.run(arguments: ["compare", "--json"] + names, in: folder.url).json()
    let runs = try #require(report["runs"] as? [[String: Any]])
    #expect(report["by"] as? String == "validation.loss")
    var values: [Double] = []
    for run in runs {
      let name = try #require(run["run"] as? String)
      let measured = try Command.run("evaluate", name, "--json", in: folder.url).json()
      let chosen = try #require(run["chosen"] as? [String: Any])
      let metrics = try #require(chosen["metrics"] as? [String: Any])
      #expect(chosen["epoch"] as? Int == measured["epoch"] as? Int)
      for part in ["validation", "test"] {
        let own = try #require(measured[part] as? [String: Any])
        #expect(metrics["\(part).loss"] as? Double == own["loss"] as? Double, "\(name)")
        #expect(metrics["\(part).mae"] as? Double == own["mae"] as? Double, "\(name)")
      }
      values.append(try #require(metrics["validation.loss"] as? Double))
      let train = try Command.run(
        "train", "\(name)/recipe.yaml", "--out", name, "--resume", "auto", "--json", in: folder.url
      ).json()
      #expect(run["parameters_sha256"] as? String == train["parameters_sha256"] as? String, "\(name)")
      #expect(run["status"] as? String == "completed" && run["epochs"] as? Int == 4)
      let settings = try #require(run["settings"] as? [String: Any])
      #expect(settings.keys.contains("optimizer.lr") && settings.keys.contains("loss.name"))
      #expect(!settings.keys.contains { $0.hasPrefix("data.") || $0.hasPrefix("train.") })
    }
    #expect(values == values.sorted() && values.count == 3)
    let mae = try #require(runs.first { $0["run"] as? String == "mae" })
    #expect((mae["chosen"] as? [String: Any])?["epoch"] as? Int != 4)

    let table = try Command.run(arguments: ["compare", "--by", "test.r2"] + names, in: folder.url)
    let lines = table.out.split(separator: "\n")
    #expect(lines.count == 4 && lines[0].contains("optimizer.lr") && !lines[0].contains("train.epochs"))
    #expect(lines[1].hasPrefix("lr-0.1 ") && table.out.contains("another loss"), "\(table.out)")
  }

  @Test func whatIsNotThereIsNoted() throws {
    let folder = try folder(["0.1", "0.003"])
    try folder.write("lr-0.1/metrics.jsonl", folder.read("lr-0.1/metrics.jsonl") + "{\"event\":\"epoch\"}\n")
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path("lr-0.003/checkpoints")) {
      try FileManager.default.removeItem(atPath: folder.path("lr-0.003/checkpoints/\(file)"))
    }
    let log = try folder.read("lr-0.003/metrics.jsonl")
    // Half a line: it is being written.
    try folder.write("lr-0.003/metrics.jsonl", log.dropLast(9) + "")
    let running = try Command.start(
      "train", "wave.yaml", "--out", "now", "--set", "train.epochs=1000000", in: folder.url)
    running.waitForError(containing: "epoch ")
    let outcome = try Command.run(
      arguments: ["compare", "lr-0.1", "lr-0.003", "now", "--json"], in: folder.url)
    kill(running.process.processIdentifier, SIGTERM)
    #expect(running.outcome().status == 75 && outcome.status == 0, "\(outcome.err)")
    let runs = try #require(try outcome.json()["runs"] as? [[String: Any]])
    func run(_ name: String) -> [String: Any] { runs.first { $0["run"] as? String == name } ?? [:] }
    #expect((run("lr-0.1")["notes"] as? [String])?.first?.contains("line 6: not a line") == true)
    #expect(run("lr-0.1")["parameters"] as? Int == 187)
    #expect((run("lr-0.003")["notes"] as? [String]) == ["no checkpoint yet"])
    #expect((run("lr-0.003")["last"] as? [String: Any])?["epoch"] as? Int == 4)
    #expect(run("lr-0.003")["status"] as? String == "unfinished")
    #expect(run("now")["status"] as? String == "running", "\(outcome.out)")

    try FileManager.default.createDirectory(atPath: folder.path("empty"), withIntermediateDirectories: true)
    for (name, code) in [("empty", 65), ("nothing", 66)] {
      let refused = try Command.run("compare", "lr-0.1", name, in: folder.url)
      #expect(
        refused.status == Int32(code) && refused.err.split(separator: "\n").count == 1, "\(refused.err)")
    }
    #expect(try Command.run("compare", "lr-0.1", "--by", "loss", in: folder.url).status == 64)
  }

  @Test func namesAreDataAndNeverMore() throws {
    let folder = try folder(["0.1"])
    let name = "a,\u{1b}[31m\"b"
    try FileManager.default.moveItem(atPath: folder.path("lr-0.1"), toPath: folder.path(name))
    let table = try Command.run("compare", name, in: folder.url)
    #expect(table.status == 0 && !table.out.contains("\u{1b}"), "\(table.out)")
    let csv = try Command.run("compare", name, "--csv", in: folder.url)
    #expect(csv.out.split(separator: "\n")[1].hasPrefix("\"a,\u{1b}[31m\"\"b\",completed,"), "\(csv.out)")
  }
}
