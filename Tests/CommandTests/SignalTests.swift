import Foundation
import Testing

@Suite struct SignalTests {
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
}
