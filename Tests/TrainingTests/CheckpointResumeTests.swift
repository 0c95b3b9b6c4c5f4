import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

@Suite(.tags(.fast)) struct CheckpointResumeTests {
  private func create(_ path: String) throws -> RunDirectory {
    try RunDirectory.create(path)
  }

  private func content(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

  @Test func resumingCutsTheLogAndSetsNewerFilesAside() throws {
    let scratch = Scratch()
    let first = try create(scratch("run"))
    for step in 1...3 {
      try first.appendMetrics("{\"step\":\(step)}")
      try first.saveSample(step: step, loss: Double(step))
    }
    try first.appendMetrics("{\"step\":4}")
    try first.close()
    let checkpoints = scratch("run/checkpoints/")
    truncate(checkpoints + "step-00000003.safetensors", 100)
    try Data().write(to: URL(fileURLWithPath: checkpoints + "step-00000004.safetensors.tmp-77"))
    try Data().write(to: URL(fileURLWithPath: checkpoints + "notes.tmp-77"))
    unlink(checkpoints + "latest")
    symlink("step-00000001.safetensors", checkpoints + "latest")

    let claim = try RunClaim(resuming: scratch("run"))
    let found = try claim.newestValid()
    #expect(
      found.file?.state.step == 2 && found.skipped.map(\.path) == [checkpoints + "step-00000003.safetensors"])
    let run = try claim.resume(from: found.file, recipe: "name: longer\n")
    #expect(content(scratch("run/metrics.jsonl")) == "{\"step\":1}\n{\"step\":2}\n")
    #expect(content(scratch("run/recipe.yaml")) == "name: longer\n")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: checkpoints).sorted() == [
        "best", "latest", "notes.tmp-77", "step-00000001.safetensors", "step-00000002.safetensors",
        "step-00000003.safetensors.damaged",
      ])
    #expect(try CheckpointFile(reading: checkpoints + "latest").state.step == 2)
    #expect(run.takeEvents().count == 2)
    try run.saveSample(step: 3)
    try run.close()
    #expect(try validSteps(scratch("run")) == [3, 2, 1])
  }

  @Test func anOlderCheckpointCanBeChosen() throws {
    let scratch = Scratch()
    let first = try create(scratch("run"))
    for step in 1...3 { try first.saveSample(step: step, loss: 4 - Double(step)) }
    try first.close()
    let claim = try RunClaim(resuming: scratch("run"))
    let best = try RunDirectory.checkpoint(at: scratch("run"), choosing: .best)
    #expect(best.file?.state.step == 3 && best.skipped.isEmpty)
    let older = try CheckpointFile(reading: scratch("run/checkpoints/step-00000001.safetensors"))
    try claim.resume(from: older, recipe: "").close()
    #expect(try validSteps(scratch("run")) == [1])
    #expect(try CheckpointFile(reading: scratch("run/checkpoints/best")).state.step == 1)
    try RunClaim(resuming: scratch("run")).resume(from: nil, recipe: "").close()
    #expect(try validSteps(scratch("run")) == [])
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch("run/checkpoints")).count == 3)
  }
}
