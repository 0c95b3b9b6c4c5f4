import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

@Suite(.tags(.fast)) struct CheckpointRunTests {
  private func create(_ path: String, keep: Int = 3, overwrite: Bool = false) throws -> RunDirectory {
    try RunDirectory.create(path, overwrite: overwrite, retention: .init(keepLast: keep))
  }

  private func content(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

  @Test func filesAreWhereTheContractSays() throws {
    let scratch = Scratch()
    let run = try create(scratch("a/b"))
    try run.appendMetrics("{}")
    try run.saveSample(step: 1234, loss: 1)
    try run.saveSample(step: 1300, loss: 2)
    try run.close()
    #expect(content(scratch("a/b/recipe.yaml")) == "name: test\n")
    #expect(content(scratch("a/b/metrics.jsonl")) == "{}\n")
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch("a/b/checkpoints")).sorted()
    #expect(names == ["best", "latest", "step-00001234.safetensors", "step-00001300.safetensors"])
    #expect(try CheckpointFile(reading: scratch("a/b/checkpoints/best")).state.step == 1234)
    #expect(try CheckpointFile(reading: scratch("a/b/checkpoints/latest")).state.step == 1300)
    #expect(try RunDirectory.checkpoint(at: scratch("a/b")).file?.state.step == 1300)
    let events = run.takeEvents()
    guard case .saved(let path, 1234, let bytes, let seconds) = events.first else {
      Issue.record("\(events)")
      return
    }
    #expect(path == scratch("a/b/checkpoints/step-00001234.safetensors") && bytes > 100 && seconds > 0)
    #expect(run.takeEvents() == [])
  }

  @Test func rotationKeepsTheLastAndTheBest() throws {
    let scratch = Scratch()
    let run = try create(scratch("run"), keep: 0)
    for (index, loss) in [5.0, 1, .nan, -.infinity, 4, 3].enumerated() {
      try run.saveSample(step: index + 1, loss: loss)
      try run.waitForSaves()
      #expect(try validSteps(scratch("run")).count >= min(index + 1, 2))
    }
    try run.close()
    #expect(try validSteps(scratch("run")) == [6, 5, 2])
    #expect(try CheckpointFile(reading: scratch("run/checkpoints/best")).state.step == 2)
  }

  @Test func whatMayGoIsNeverTheLastTwoVerifiedOrTheBest() {
    for _ in 0..<10_000 {
      let entries = (0..<Int.random(in: 0...8)).map { step in
        let value = Bool.random() ? Double(Int.random(in: 0...3)) : .nan
        let monitored = CheckpointState.Monitored(name: "x", value: value, higherIsBetter: true)
        return (CatalogueEntry(step: step, monitored: monitored, isVerified: .random()), value)
      }
      let retention = RunDirectory.Retention(keepLast: .random(in: -1...4), keepBest: .random(in: -1...3))
      let gone = Set(entries.map(\.0).shuffled().superfluous(retention).map(\.step))
      let best = entries.map(\.1).filter { !$0.isNaN }.max()
      let bestStep = entries.first { $0.1 == best }?.0.step
      let last = entries.map(\.0).filter(\.isVerified).suffix(2).map(\.step)
      #expect(!gone.contains { $0 == bestStep || last.contains($0) })
      #expect(gone.isDisjoint(with: entries.suffix(max(0, retention.keepLast)).map(\.0.step)))
    }
  }

  @Test(arguments: [true, false])
  func aFailedSaveStopsOrIsReported(stops: Bool) throws {
    let scratch = Scratch()
    let full = FaultPlan { _, call, path in
      call == .write && path.contains("step-00000002") ? .error(ENOSPC) : nil
    }
    let run = try RunDirectory.create(scratch("run"), recipe: "", fileSystem: full.fileSystem)
    run.stopsOnSaveError = stops
    try run.saveSample(step: 1)
    try run.saveSample(step: 2)
    if stops {
      let error = #expect(throws: Failure.self) { try run.saveSample(step: 3) }
      #expect(error?.kind == .inputOutput && error!.message.contains("step-00000002.safetensors"))
      #expect(error!.message.contains("No space left on device"))
    }
    try run.saveSample(step: 4)
    try run.close()
    #expect(run.takeEvents().contains { if case .failed = $0 { true } else { false } })
    #expect(try validSteps(scratch("run")) == [4, 1])
  }

  @Test func theSnapshotIsTakenAtOnce() throws {
    let scratch = Scratch()
    let run = try create(scratch("run"))
    let tensors = SampleTensors(scale: 1)
    let value = tensors[0, 0]
    try run.save(sampleState(step: 1), tensors.tensors)
    tensors[0, 0] = 99
    try run.close()
    let file = try CheckpointFile(reading: scratch("run/checkpoints/latest"))
    #expect(file.tensors[0].values[0] == value)
  }
}
