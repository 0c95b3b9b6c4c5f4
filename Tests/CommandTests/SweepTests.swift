import Foundation
import TestSupport
import Testing

/// Sweeps: the plan is the command line's, and however a sweep was stopped, it ends as one that was not.
@Suite(.tags(.mpi)) struct SweepTests {
  private let random = [
    "--random", "optimizer.lr=log:1e-4..1e-1", "model.hidden_size=4..9", "model.cell=gru,lstm", "--trials",
    "4", "--jobs", "2", "--json",
  ]

  /// By the trial's name, of those that were trained.
  private func hashes(_ report: [String: Any]) throws -> [String: String] {
    let runs = try #require(report["runs"] as? [[String: Any]])
    return Dictionary(
      uniqueKeysWithValues: runs.compactMap { run in
        guard let name = run["run"] as? String, let hash = run["parameters_sha256"] as? String else {
          return nil
        }
        return (String(name.suffix(9)), hash)
      })
  }

  @Test(arguments: [[], ["--halving"]]) func aKilledSweepEndsAsAnUnbrokenOne(_ more: [String]) throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 300)
    let words = ["sweep", "wave.yaml"] + random + more
    let start = Date()
    let straight = try Command.run(arguments: words + ["--out", "straight"], in: folder.url)
    let length = -start.timeIntervalSinceNow
    #expect(straight.status == 0, "\(straight.err)")
    let expected = try hashes(straight.json())
    #expect(expected.count == 4 && Set(expected.values).count == 4)
    var stops = 0
    for signal in [SIGKILL, SIGTERM, SIGKILL] {
      let running = try Command.Running(words + ["--out", "s"], in: folder.url, environment: [:])
      running.waitForError(containing: "trials in")
      // The first within the first third of the time that all takes, so that it finds something to stop.
      usleep(UInt32(length / 3 * .random(in: 0...1) * 1e6))
      kill(running.process.processIdentifier, signal)
      let outcome = running.outcome()
      #expect([0, signal == SIGKILL ? SIGKILL : 75].contains(outcome.status), "\(outcome.err)")
      if outcome.status != 0 { stops += 1 }
    }
    #expect(stops > 0)
    let ended = try Command.run(arguments: words + ["--out", "s"], in: folder.url)
    #expect(ended.status == 0, "\(ended.err)")
    #expect(try hashes(ended.json()) == expected)
    #expect(try folder.read("s/plan.json") == folder.read("straight/plan.json"))
    // Once more: there is nothing to do.
    let again = try Command.run(arguments: words + ["--out", "s"], in: folder.url)
    #expect(try hashes(again.json()) == expected && !again.err.contains("of 4"), "\(again.err)")
  }

  /// Numbers over orders of magnitude by these, words side by side; a sweep of which nothing is measured has none.
  @Test(.enabled(if: access("/usr/bin/gnuplot", X_OK) == 0, "gnuplot is not installed"))
  func aPictureShowsWhatCameOfEachKey() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 2)
    let words = [
      "--grid", "optimizer.lr=1e-4,1e-1", "model.cell=gru,lstm", "model.hidden_size=4", "--json",
    ]
    let outcome = try Command.run(arguments: ["sweep", "wave.yaml", "--out", "s"] + words, in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    let path = try #require(try outcome.json()["picture"] as? String)
    #expect(path.hasSuffix("/s/sweep.svg"))
    let picture = try folder.read("s/sweep.svg")
    for text in [
      "4 trials by validation.loss", "log10 of optimizer.lr", "model.cell: 1 gru, 2 lstm",
      "model.hidden_size", "the best", "trials",
    ] { #expect(picture.contains(text), "\(text)") }
    let none = try Command.run(
      arguments: ["sweep", "wave.yaml", "--out", "none", "--set", "data.path=none.csv"] + words,
      in: folder.url)
    #expect(none.status == 65 && !folder.holds("none/sweep.svg"), "\(none.status) \(none.err)")
    #expect(try none.json()["picture"] == nil)
  }

  @Test func halvingTrainsTheBetterOnesOn() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 8)
    let words = [
      "sweep", "wave.yaml", "--grid", "optimizer.lr=1e-4,1e-3,1e-2,1e-1", "--halving", "--set",
      "schedule={name: cosine}", "--json", "--out", "s",
    ]
    let outcome = try Command.run(arguments: words, in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    let runs = try #require(try outcome.json()["runs"] as? [[String: Any]])
    #expect(runs.compactMap { $0["epochs"] as? Int }.sorted() == [2, 2, 4, 8])
    let whole = try #require(runs.first { $0["epochs"] as? Int == 8 })
    let rate = try #require((whole["settings"] as? [String: String])?["optimizer.lr"])
    let alone = try Command.run(
      "train", "wave.yaml", "--out", "alone", "--set", "optimizer.lr=\(rate)", "--set",
      "schedule={name: cosine}", "--json", in: folder.url)
    #expect(
      try whole["parameters_sha256"] as? String == alone.json()["parameters_sha256"] as? String, "\(rate)")
  }

  @Test func aFailingTrialIsARow() throws {
    let folder = try Folder()
    try folder.writeWave()
    let words = ["sweep", "wave.yaml", "--grid", "optimizer.name=adam,adm", "data.window=4,30", "--out", "s"]
    let outcome = try Command.run(arguments: words, in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    let lines = outcome.out.split(separator: "\n")
    #expect(lines.count == 5 && lines[0].contains("optimizer.name"), "\(outcome.out)")
    #expect(lines.filter { $0.contains("did you mean adam?") }.count == 2, "\(outcome.out)")
    let csv = try folder.read("s/sweep.csv").split(separator: "\n")
    #expect(csv.count == 5 && csv[0].hasPrefix("run,status,optimizer.name,data.window,"))
    #expect(csv.filter { $0.contains(",failed,adm,") }.count == 2)

    let none = try Command.run(
      "sweep", "wave.yaml", "--grid", "optimizer.nme=a,b", "--out", "n", in: folder.url)
    #expect(none.status == 65 && none.err.contains("did you mean"), "\(none.err)")
    #expect(none.err.split(separator: "\n").count == 1 && !folder.holds("n"))
  }

  @Test func aFolderIsOfOneSweepAndOneProcess() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 100_000)
    let words = ["sweep", "wave.yaml", "--grid", "optimizer.lr=1e-3,1e-2", "--out", "s"]
    let running = try Command.Running(words, in: folder.url, environment: [:])
    for _ in 0..<6000 where running.process.isRunning && !folder.holds("s/trial-002/metrics.jsonl") {
      usleep(5000)
    }
    let second = try Command.run(arguments: words, in: folder.url)
    #expect(second.status == 75 && second.err.contains("is in use by process"), "\(second.err)")
    kill(running.process.processIdentifier, SIGINT)
    let stopped = running.outcome()
    #expect(stopped.status == 75 && stopped.out.contains("interrupted"), "\(stopped.out)\(stopped.err)")
    for (changed, word) in [
      (["--set", "seed=8"], "--set was"), (["--seed", "1"], "--seed was 0"),
      (["--grid", "train.batch_size=4"], "trial-001 was optimizer.lr=1e-3"), (["--halving"], "without"),
    ] {
      let refused = try Command.run(arguments: words + changed, in: folder.url)
      #expect(refused.status == 64 && refused.err.contains(word), "\(changed): \(refused.err)")
    }
    for place in [".", "s/trial-001"] {
      let refused = try Command.run(arguments: words.dropLast() + [place], in: folder.url)
      #expect(refused.status == 64 && refused.err.contains("holds no sweep"), "\(refused.err)")
    }
  }

  @Test func moreTrialsAreAddedToThoseThatAreThere() throws {
    let folder = try Folder()
    try folder.writeWave()
    let words = ["sweep", "wave.yaml", "--random", "optimizer.lr=log:1e-4..1e-1", "--json"]
    func sweep(_ out: String, _ trials: Int) throws -> Command.Outcome {
      try Command.run(arguments: words + ["--out", out, "--trials", "\(trials)"], in: folder.url)
    }
    let few = try hashes(sweep("s", 2).json())
    let more = try sweep("s", 4)
    #expect(more.err.contains("4 of 4") && !more.err.contains("trial-001, "), "\(more.err)")
    let all = try hashes(more.json())
    #expect(few.count == 2 && all.count == 4 && few.allSatisfy { all[$0.key] == $0.value })
    #expect(try hashes(sweep("straight", 4).json()) == all)
    let fewer = try sweep("s", 3)
    #expect(fewer.status == 64 && fewer.err.contains("it has 4 trials"), "\(fewer.err)")
  }

  @Test(arguments: [
    [], ["--grid", "train.epochs"], ["--grid", "train.epochs=1..3"], ["--grid", "train.epochs=1,,2"],
    ["--random", "seed=1..3"], ["--grid", "seed=1,2", "--trials", "3"], ["--grid", "seed=1", "seed=2"],
    ["--random", "seed=3..1", "--trials", "2"], ["--random", "seed=log:0..1", "--trials", "2"],
    ["--random", "seed=log:1,2", "--trials", "2"], ["--grid", "train.epochs=1,2", "--halving"],
    ["--random", "seed=1..9", "--trials", "99999"],
  ])
  func aWrongCommandLineBeginsNothing(_ words: [String]) throws {
    let folder = try Folder()
    let recipe = Command.repository.appendingPathComponent("launch/recipes/stock-lstm.yaml").path
    let outcome = try Command.run(arguments: ["sweep", recipe, "--out", "s"] + words, in: folder.url)
    #expect(outcome.status == 64 && !folder.holds("s"), "\(outcome.err)")
  }
}
