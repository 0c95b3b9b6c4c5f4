import Foundation
import TestSupport
import Testing

/// Whole jobs on several hosts with a network between them.
@Suite(.tags(.mpi), .serialized, .enabled(if: Testbed.isAvailable, Comment(rawValue: Testbed.needs)))
struct ClusterTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  private func launch(
    _ hosts: Testbed, _ options: [String], train: [String], meanwhile: ((pid_t) -> Void)? = nil
  ) throws -> Command.Outcome {
    let network = ["--hostfile", hosts.hostfile, "--agent", hosts.agent, "--network", Testbed.network]
    let job = ["--", "train", folder.path("wave.yaml"), "--out", folder.path("run"), "--json"] + train
    let outcome = try hosts.run(
      [Command.executable.path, "launch"] + network + options + job, meanwhile: meanwhile)
    return Command.Outcome(outcome)
  }

  /// The losses of one process.
  private func alone() throws -> [Double] {
    let outcome = try Command.run("train", "wave.yaml", "--out", "alone", "--json", in: folder.url)
    return try #require(try outcome.json()["epoch_losses"] as? [Double])
  }

  private func expectSame(_ outcome: Command.Outcome, as expected: [Double], within tolerance: Double = 1e-4)
    throws
  {
    let losses = try #require(try outcome.json()["epoch_losses"] as? [Double], "\(outcome.err)")
    #expect(losses.count == expected.count)
    for (a, b) in zip(losses, expected) { #expect(abs(a - b) < tolerance * b, "\(a), alone \(b)") }
  }

  @Test func twoHostsTrainWhatOneProcessTrains() throws {
    try folder.writeWave(epochs: 5)
    let expected = try alone()
    try Testbed.with(hosts: 2) { hosts in
      let outcome = try launch(hosts, [], train: [])
      #expect(outcome.status == 0, "\(outcome.err)")
      let report = try outcome.json()
      #expect(report["ranks"] as? Int == 4)
      #expect(report["hosts"] as? [String] == ["\(hosts.name)-1", "\(hosts.name)-2"])
      try expectSame(outcome, as: expected)
    }
  }

  @Test func mpirunAloneTrainsOnTwoHosts() throws {
    try folder.writeWave(epochs: 5)
    let expected = try alone()
    try Testbed.with(hosts: 2, slots: 1) { hosts in
      let script = Command.repository.appendingPathComponent("launch/mpirun.sh").path
      let outcome = try Command.Outcome(
        hosts.run(
          [script, "2", "train", folder.path("wave.yaml"), "--out", folder.path("run"), "--json"],
          environment: [
            "HOSTFILE": hosts.hostfile, "NETWORK": Testbed.network, "OMPI_MCA_plm_rsh_agent": hosts.agent,
            "RECUR": Command.executable.path,
          ]))
      #expect(outcome.status == 0, "\(outcome.err)")
      #expect(try outcome.json()["hosts"] as? [String] == ["\(hosts.name)-1", "\(hosts.name)-2"])
      try expectSame(outcome, as: expected)
    }
  }

  /// A machine goes and comes back, a person ends the run, and it has the bits of one that nothing happened to.
  @Test func anElasticJobShrinksAndGrows() throws {
    try folder.writeWave(epochs: 1_000_000)
    let strict = ["--set", "distributed.reduction=strict"]
    try Testbed.with(hosts: 2, slots: 1) { hosts in
      let settings = ["distributed.stall_timeout=3", "checkpoint.every_epochs=5"].flatMap { ["--set", $0] }
      let latest = folder.path("run/checkpoints/latest")
      let outcome = try launch(
        hosts, ["--max-restarts", "1", "--elastic", "1"], train: settings + strict
      ) { launcher in
        for _ in 0..<6000 where !FileManager.default.fileExists(atPath: latest) { usleep(10_000) }
        _ = try? hosts.control("cut", "2")
        waitUntilItTrains(after: 1.5)
        _ = try? hosts.control("mend", "2")
        for _ in 0..<600 where !hasRanks("\(hosts.name)-2") { usleep(100_000) }
        waitUntilItTrains(after: 1)
        kill(launcher, SIGTERM)
      }
      #expect(outcome.status == 75, "\(outcome.err)")
      for words in [
        "without \(hosts.name)-2: no answer", "restart 1 of 1 now with 1 ranks",
        "\(hosts.name)-2: answers again",
        "goes on with 2 ranks on 2 machines",
      ] { #expect(outcome.err.contains(words), "\(words): \(outcome.err)") }
      let report = try outcome.json()
      #expect(report["ranks"] as? Int == 2 && report["status"] as? String == "interrupted")
      let goal = ["--set", "train.epochs=\(try #require(report["epochs"] as? Int) + 2)", "--json"] + strict
      let ends = try [["--out", "run", "--resume", "auto"], ["--out", "alone"]].map {
        try Command.Running(["train", "wave.yaml"] + $0 + goal, in: folder.url, environment: [:]).outcome()
      }
      let hashes = try ends.map { try $0.json()["parameters_sha256"] as? String }
      #expect(hashes[0] != nil && hashes[0] == hashes[1], "\(ends.map(\.err))")
    }
  }

  /// Whether a host of namespaces runs ranks.
  private func hasRanks(_ host: String) -> Bool {
    let numbers = (try? TestSupport.run("/usr/bin/env", ["ip", "netns", "pids", host]).output) ?? ""
    return numbers.split(separator: "\n").contains {
      (try? String(contentsOfFile: "/proc/\($0)/comm", encoding: .utf8)) == "recur\n"
    }
  }

  /// Returns when the log grows.
  /// - after: seconds in which what was on its way is written.
  private func waitUntilItTrains(after seconds: Double) {
    let log = folder.path("run/metrics.jsonl")
    func size() -> Int { (try? FileManager.default.attributesOfItem(atPath: log)[.size] as? Int) ?? 0 }
    usleep(useconds_t(seconds * 1e6))
    let before = size()
    for _ in 0..<3000 where size() == before { usleep(10_000) }
  }

  @Test func aLostLinkIsNamedAndTheRestTrainsOn() throws {
    try folder.writeWave(epochs: 400)
    let expected = try alone()
    try Testbed.with(hosts: 2, slots: 1) { hosts in
      let settings = ["distributed.stall_timeout=3", "checkpoint.every_epochs=5"].flatMap { ["--set", $0] }
      let latest = folder.path("run/checkpoints/latest")
      // How long this machine takes to start a job and to train a little.
      let begun = Date()
      var (start, lost) = (0.0, Double.infinity)
      let outcome = try launch(hosts, ["--max-restarts", "1"], train: settings) { launcher in
        for _ in 0..<3000 where !FileManager.default.fileExists(atPath: latest) { usleep(10_000) }
        start = -begun.timeIntervalSinceNow
        _ = try? hosts.control("cut", "2")
        let cut = Date()
        waitUntilItTrains(after: 1.5)
        lost = -cut.timeIntervalSinceNow
      }
      #expect(outcome.status == 0, "\(outcome.err)")
      let named = outcome.err.split(separator: "\n").first {
        $0.hasPrefix("recur: rank 0 of 2 on \(hosts.name)-1: the job gives up after")
      }
      #expect(named?.contains("waited for rank 1 on \(hosts.name)-2 (") == true, "\(outcome.err)")
      // The stall timeout, a second for mpirun, which never ends here, and another start, on a machine that may have become busier.
      #expect(lost < 3 + 2 + max(2, 2 * start), "\(lost) s, the first start \(start) s")
      #expect(outcome.err.contains("stopped and worth retrying (exit code 75)"), "\(outcome.err)")
      #expect(outcome.err.contains("without \(hosts.name)-2: no answer"), "\(outcome.err)")
      let report = try outcome.json()
      #expect(report["ranks"] as? Int == 1)
      #expect(report["hosts"] as? [String] == ["\(hosts.name)-1"])
      // Sums of another grouping from the cut on, over 400 epochs.
      try expectSame(outcome, as: expected, within: 1e-2)
    }
  }
}

extension Command.Outcome {
  init(_ outcome: Outcome) {
    self.init(status: outcome.status, out: outcome.output, err: outcome.errors)
  }
}
