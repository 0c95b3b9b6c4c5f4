import Foundation
import TestSupport
import Testing

/// Sweeps on which several processes work, on one machine or more: each trial is trained once, and what is lost is gone on with.
@Suite(.tags(.mpi), .serialized) struct SharedSweepTests {
  private let random = [
    "sweep", "wave.yaml", "--random", "optimizer.lr=log:1e-4..1e-1", "model.hidden_size=4..9", "--trials",
    "4", "--json",
  ]

  /// By the trial's name, of those that were trained.
  private func hashes(_ report: [String: Any]) throws -> [String: String] {
    let runs = try #require(report["runs"] as? [[String: Any]])
    let pairs = runs.compactMap { run -> (String, String)? in
      guard let name = run["run"] as? String, let hash = run["parameters_sha256"] as? String else {
        return nil
      }
      return (String(name.suffix(9)), hash)
    }
    return Dictionary(uniqueKeysWithValues: pairs)
  }

  @Test(arguments: [[], ["--halving"]])
  func `two processes share a sweep, and one that is killed costs nothing`(_ more: [String]) throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 200)
    let words = random + more
    let straight = try Command.run(arguments: words + ["--out", "straight", "--jobs", "1"], in: folder.url)
    let expected = try hashes(straight.json())
    #expect(expected.count == 4)
    let share = words + ["--out", "s", "--jobs", "1", "--shared"]
    for round in 0..<2 {
      let both = try (0..<2).map { _ in try Command.Running(share, in: folder.url, environment: [:]) }
      both[0].waitForError(containing: "trials in")
      if round == 0 {
        usleep(.random(in: 0...300_000))
        kill(both[0].process.processIdentifier, SIGKILL)
      }
      for (number, process) in both.enumerated() {
        let outcome = process.outcome()
        #expect(outcome.status == 0 || round == 0 && number == 0, "\(outcome.err)")
      }
    }
    let ended = try Command.run(arguments: share, in: folder.url)
    #expect(ended.status == 0 && !ended.err.contains("of 4"), "\(ended.err)")
    #expect(try hashes(ended.json()) == expected)
    #expect(try ended.json()["elsewhere"] as? Int == 0)
    #expect(try folder.read("s/plan.json") == folder.read("straight/plan.json"))
    #expect(try folder.read("s/sweep.csv").split(separator: "\n").count == 5)
  }

  private func task(_ number: Int, of tasks: Int) -> [String: String] {
    [
      "SLURM_ARRAY_TASK_ID": "\(4 + 2 * number)", "SLURM_ARRAY_TASK_COUNT": "\(tasks)",
      "SLURM_ARRAY_TASK_MIN": "4",
      "SLURM_ARRAY_TASK_STEP": "2",
    ]
  }

  private func trained(_ outcome: Command.Outcome) -> [String] {
    outcome.err.matches(of: #/recur: (trial-\d+), \d of 4: /#).map { String($0.1) }
  }

  /// No trial is begun by two, and the table of whoever is last is whole.
  @Test func tasksOfASlurmArrayShareASweep() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 200)
    let share = random + ["--out", "s", "--jobs", "1"]
    let tasks = try (0..<3).map { try Command.Running(share, in: folder.url, environment: task($0, of: 3)) }
    let outcomes = tasks.map { $0.outcome() }
    #expect(outcomes.allSatisfy { $0.status == 0 }, "\(outcomes.map(\.err))")
    #expect(
      outcomes.flatMap { trained($0) }.sorted() == (1...4).map { "trial-00\($0)" }, "\(outcomes.map(\.err))")
    #expect(try folder.read("s/sweep.csv").matches(of: /,completed,/).count == 4)

    // Each begins with its own, and goes on with those of the others where they have not begun them.
    let alone = try Command.Running(
      random + ["--out", "alone", "--jobs", "1"], in: folder.url, environment: task(2, of: 3)
    ).outcome()
    #expect(trained(alone) == ["trial-003", "trial-001", "trial-004", "trial-002"], "\(alone.err)")
    let wrong = try Command.run(
      "sweep", "wave.yaml", "--grid", "seed=1,2", "--out", "w", in: folder.url,
      environment: ["SLURM_ARRAY_TASK_ID": "x"])
    #expect(wrong.status == 64 && wrong.err.contains("SLURM_ARRAY_TASK_ID is `x`"), "\(wrong.err)")
  }

  /// Who finds all trials under way says so, and ends.
  @Test func whatOthersTrainIsLeftToThem() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 100_000)
    let words = ["sweep", "wave.yaml", "--grid", "optimizer.lr=1e-3,1e-2", "--out", "s", "--shared"]
    let first = try Command.Running(words, in: folder.url, environment: [:])
    for _ in 0..<6000 where first.process.isRunning && !folder.holds("s/trial-002/metrics.jsonl") {
      usleep(5000)
    }
    // All that there is to do is being done.
    let second = try Command.run(arguments: words + ["--json"], in: folder.url)
    #expect(second.status == 0, "\(second.err)")
    #expect(try second.json()["elsewhere"] as? Int == 2)
    kill(first.process.processIdentifier, SIGINT)
    #expect(first.outcome().status == 75)
  }

  @Test(.enabled(if: Testbed.isAvailable, Comment(rawValue: Testbed.needs)))
  func `trials run on the machines of a hostfile, and end with the same bits`() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 100)
    let here = try Command.run(arguments: random + ["--out", "here"], in: folder.url)
    let expected = try hashes(here.json())
    try Testbed.with(hosts: 2, slots: 1) { hosts in
      let words =
        random.map { $0 == "wave.yaml" ? folder.path($0) : $0 } + [
          "--out", folder.path("there"), "--hostfile", hosts.hostfile, "--agent", hosts.agent, "--network",
          Testbed.network,
        ]
      // Stopped once on the way: the trials save wherever they are.
      let stopped = try hosts.run(
        [Command.executable.path] + words,
        meanwhile: { process in
          for _ in 0..<1000 where !folder.holds("there/trial-002/metrics.jsonl") { usleep(10_000) }
          kill(process, SIGTERM)
        })
      #expect([0, 75].contains(stopped.status), "\(stopped.errors)")
      let outcome = try Command.Outcome(hosts.run([Command.executable.path] + words))
      #expect(outcome.status == 0, "\(outcome.err)")
      #expect(try hashes(outcome.json()) == expected)
      let reports = try (1...4).map { try folder.read("there/logs/trial-00\($0).json") }.joined()
      for host in 1...2 { #expect(reports.contains("[\"\(hosts.name)-\(host)\"]"), "\(reports)") }
    }
    let wrong = try Command.run(
      "sweep", "wave.yaml", "--grid", "seed=1,2", "--out", "w", "--hostfile", "none", in: folder.url)
    #expect(wrong.status == 66 && !folder.holds("w"), "\(wrong.err)")
  }
}
