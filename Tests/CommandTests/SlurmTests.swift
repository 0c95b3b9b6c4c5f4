import Foundation
import TestSupport
import Testing

private let canRun =
  Testbed.isAvailable
  && ["munged", "slurmctld", "slurmd", "sbatch"].allSatisfy {
    find($0) != nil || FileManager.default.isExecutableFile(atPath: "/usr/sbin/\($0)")
  }

/// `launch/slurm.sbatch` on a Slurm of two nodes.
@Suite(
  .tags(.mpi), .serialized, .enabled(if: canRun, "needs what the test bed needs, and slurm-wlm and munge"))
struct SlurmTests {
  @Test func bothStartersTrainOnBothNodesAndAStoppedJobGoesOn() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 5)
    let alone = try Command.run("train", "wave.yaml", "--out", "alone", "--json", in: folder.url).json()
    let expected = try #require(alone["epoch_losses"] as? [Double])
    try Testbed.with(hosts: 2) { hosts in
      let slurm = try hosts.control("slurm")
      #expect(slurm.status == 0, "\(slurm.errors)")
      for starter in ["launch", "srun"] {
        let outcome = try submit(hosts, folder, starter, options: ["--wait"])
        let log = try folder.read("\(starter).log")
        #expect(outcome.status == 0, "\(outcome.errors)\n\(log)")
        // What ranks say on standard error while they part may come after the report.
        let line = try #require(log.split(separator: "\n").last { $0.hasPrefix("{") }, "\(log)")
        let report = try Command.Outcome(status: 0, out: String(line), err: "").json()
        #expect(report["ranks"] as? Int == 2)
        #expect(report["hosts"] as? [String] == ["\(hosts.name)-1", "\(hosts.name)-2"])
        let losses = try #require(report["epoch_losses"] as? [Double])
        #expect(losses.count == 5 && zip(losses, expected).allSatisfy { abs($0 - $1) < 1e-4 * $1 })
        try stopAndRequeue(hosts, folder, starter)
      }
    }
  }

  private func submit(
    _ hosts: Testbed, _ folder: Folder, _ starter: String, options: [String], train: [String] = []
  ) throws -> Outcome {
    let script = Command.repository.appendingPathComponent("launch/slurm.sbatch").path
    return try hosts.run(
      ["sbatch", "--parsable", "--ntasks-per-node=1", "--output", folder.path("\(starter).log")] + options
        + [script, folder.path("wave.yaml"), folder.path("run-\(starter)"), "--json"] + train,
      environment: ["RECUR": Command.executable.path, "STARTER": starter])
  }

  /// The warning before the time is up: all ranks save, and the job is back in the queue.
  private func stopAndRequeue(_ hosts: Testbed, _ folder: Folder, _ starter: String) throws {
    let job = try submit(hosts, folder, starter, options: [], train: ["--set", "train.epochs=1000000"])
    let id = job.output.trimmingCharacters(in: .whitespacesAndNewlines)
    func log() -> String { (try? folder.read("\(starter).log")) ?? "" }
    for _ in 0..<2000 where !log().contains("resumed") { usleep(10_000) }
    #expect(try hosts.run(["scancel", "--batch", "--signal=USR1", id]).status == 0)
    for _ in 0..<2000 where !log().contains("\"status\":\"interrupted\"") { usleep(10_000) }
    #expect(log().contains("\"status\":\"interrupted\""), "\(log())")
    var state = ""
    for _ in 0..<600 where !state.contains("Restarts=1") {
      state = try hosts.run(["scontrol", "show", "job", id]).output
      usleep(100_000)
    }
    #expect(state.contains("Restarts=1"), "\(state)")
    _ = try hosts.run(["scancel", id])
  }
}
