import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Processes that are killed for real, at random times, each of which goes on where the one before was killed.
@Suite(.tags(.long)) struct CheckpointKillTests {
  /// RECUR_KILLS asks for more of them.
  static let kills = ProcessInfo.processInfo.environment["RECUR_KILLS"].flatMap { Int($0) } ?? 20

  @Test func whatWasReportedAsSavedOutlivesTheProcess() async throws {
    let scratch = Scratch()
    let path = scratch("run")
    var last = 0
    for _ in 0..<Self.kills {
      let patience = UInt32.random(in: 0...30_000)
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [path = path as String, patience = patience as UInt32] in
        try saveUntilKilled(path, after: patience)
      }
      let reported = reportedStep(path)
      if reported == 0 { continue }
      let found = try RunDirectory.checkpoint(at: path)
      let step = try #require(found.file?.state.step)
      #expect(found.skipped == [] && step >= max(last, reported))
      last = step
      #expect(try validSteps(path).count >= min(reported, 2))
    }
    #expect(last > Self.kills / 2)
    let claim = try RunClaim(resuming: path)
    let run = try claim.resume(from: claim.newestValid().file, recipe: "")
    let lines = try String(contentsOfFile: path + "/metrics.jsonl", encoding: .utf8)
    #expect(lines == (1...last).map { "{\"step\":\($0)}\n" }.joined())
    try run.close()
  }
}

/// Goes on with the run until the process is killed by itself, some microseconds after it took it over.
private func saveUntilKilled(_ path: String, after patience: UInt32) throws {
  let retention = RunDirectory.Retention(keepLast: 2)
  let run: RunDirectory
  var step = 0
  if RunDirectory.holdsRun(path) {
    let claim = try RunClaim(resuming: path)
    let found = try claim.newestValid()
    step = found.file?.state.step ?? 0
    run = try claim.resume(from: found.file, recipe: "", retention: retention)
  } else {
    run = try RunDirectory.create(path, recipe: "", retention: retention)
  }
  let log = open(path + "/reported", O_WRONLY | O_CREAT | O_APPEND, 0o600)
  Thread.detachNewThread {
    usleep(patience)
    kill(getpid(), SIGKILL)
  }
  while true {
    step += 1
    try run.appendMetrics("{\"step\":\(step)}")
    try run.saveSample(step: step, loss: Double(-step))
    try run.waitForSaves()
    for case .saved(_, let step, _, _) in run.takeEvents() {
      let line = "\(step)\n"
      write(log, line, line.utf8.count)
    }
  }
}

/// The last step that a process was told to be saved.
private func reportedStep(_ path: String) -> Int {
  let text = (try? String(contentsOfFile: path + "/reported", encoding: .utf8)) ?? ""
  return text.split(separator: "\n").last.flatMap { Int($0) } ?? 0
}
