import Foundation
import TestSupport
import Testing

@Suite(.tags(.mpi, .long)) struct SignalTests {
  @Test(arguments: [SIGINT, SIGTERM])
  func aSignalSavesAndTheRunGoesOnAsIfNothingHappened(_ signal: Int32) throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 100_000)
    let running = try Command.start("train", "wave.yaml", "--out", "run", "--json", in: folder.url)
    running.waitForError(containing: "epoch ")
    #expect(kill(running.process.processIdentifier, signal) == 0)
    let stopped = running.outcome()
    #expect(stopped.status == 75, "\(stopped.err)")
    #expect(stopped.err.contains("--resume auto"))
    let first = try stopped.json()
    #expect(first["status"] as? String == "interrupted")
    let epochs = try #require(first["epochs"] as? Int)
    #expect(epochs < 100_000)

    let goal = "train.epochs=\(epochs + 3)"
    let resumed = try Command.run(
      "train", "wave.yaml", "--out", "run", "--resume", "auto", "--set", goal, "--json", in: folder.url)
    #expect(resumed.status == 0, "\(resumed.err)")
    let straight = try Command.run(
      "train", "wave.yaml", "--out", "other", "--set", goal, "--json", in: folder.url)
    #expect(straight.status == 0, "\(straight.err)")
    let (a, b) = (try resumed.json(), try straight.json())
    #expect(a["parameters_sha256"] as? String == b["parameters_sha256"] as? String)
    #expect(a["epoch_losses"] as? [Double] == b["epoch_losses"] as? [Double])
  }

  /// Launchers pass SIGUSR1 on, perhaps several at a time, and a parent that is killed has SIGTERM sent for each of its threads: that
  /// never counts as the second request, which ends a run unsaved.
  @Test(arguments: [SIGUSR1, SIGTERM, SIGINT]) func aRequestThatComesSeveralTimesIsOne(_ signal: Int32) throws
  {
    let folder = try Folder()
    try folder.writeWave(epochs: 100_000)
    let running = try Command.start("train", "wave.yaml", "--out", "run", "--json", in: folder.url)
    running.waitForError(containing: "epoch ")
    for _ in 0..<5 {
      #expect(kill(running.process.processIdentifier, signal) == 0)
      usleep(200)
    }
    let stopped = running.outcome()
    #expect(stopped.status == 75, "\(stopped.err)")
    #expect(try stopped.json()["status"] as? String == "interrupted")
  }

  /// At any time of a process's life (RECUR_SIGNALS: so many): the last finished step is saved, and soon, and going on gives what an undisturbed run gives.
  @Test func sigtermAtAnyTimeSavesTheLastStep() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1_000_000)
    var steps = 0
    for _ in 0..<(ProcessInfo.processInfo.environment["RECUR_SIGNALS"].flatMap { Int($0) } ?? 20) {
      let running = try Command.start(
        "train", "wave.yaml", "--out", "run", "--resume", "auto", "--json", in: folder.url)
      // Until the program has begun to listen, a signal ends it as it ends any program: nothing is lost, but nothing said.
      running.waitUntilListening(for: SIGTERM)
      usleep(.random(in: 0...100_000))
      let asked = Date()
      #expect(kill(running.process.processIdentifier, SIGTERM) == 0)
      let outcome = running.outcome()
      #expect(outcome.status == 75 && -asked.timeIntervalSinceNow < 60, "\(outcome.err)")
      let report = try outcome.json()
      let done = try #require(report["steps"] as? Int)
      let inspected = try Command.run("inspect", "run", "--json", in: folder.url).json()
      #expect((inspected["checkpoint"] as? [String: Any])?["step"] as? Int == done)
      #expect(done > steps)
      steps = done
    }
    let epochs = steps / 5 + 1
    let hashes = try ["run", "other"].map { out in
      let outcome = try Command.run(
        "train", "wave.yaml", "--out", out, "--resume", "auto", "--set", "train.epochs=\(epochs)", "--json",
        in: folder.url)
      #expect(outcome.status == 0, "\(outcome.err)")
      return try outcome.json()["parameters_sha256"] as? String
    }
    #expect(hashes[0] != nil && hashes[0] == hashes[1])
  }
}

extension Command.Running {
  /// Returns when the process has a handler for the signal.
  func waitUntilListening(for signal: Int32) {
    for _ in 0..<6000 where process.isRunning {
      let status =
        (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)) ?? ""
      let line = status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }
      let caught = line.flatMap { UInt64($0.dropFirst(7).filter { $0.isHexDigit }, radix: 16) } ?? 0
      if caught & 1 << UInt64(signal - 1) != 0 { return }
      usleep(1000)
    }
  }
}
