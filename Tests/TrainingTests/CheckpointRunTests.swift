import Diagnostics
import Foundation
import Testing
import Training

struct CheckpointRunTests {
  private func create(_ path: String, keep: Int = 3, overwrite: Bool = false) throws -> RunDirectory {
    try RunDirectory(
      creating: path, recipe: "name: test\n", overwrite: overwrite, retention: .init(keepLast: keep))
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

  @Test func aRunIsNotReplacedUnasked() throws {
    let scratch = Scratch()
    let first = try create(scratch("run"))
    try first.saveSample(step: 1)
    try first.appendMetrics("{}")
    try first.close()
    let refusal = #expect(throws: Failure.self) { try create(scratch("run")) }
    #expect(refusal?.kind == .usage && refusal!.message.contains("--overwrite"))
    try Data("x".utf8).write(to: URL(fileURLWithPath: scratch("run/loss.svg")))
    #expect(try validSteps(scratch("run")) == [1])

    let second = try create(scratch("run"), overwrite: true)
    #expect(try second.newestValid().file == nil)
    #expect(content(scratch("run/metrics.jsonl")) == "" && content(scratch("run/loss.svg")) == "x")
    try second.close()
  }

  @Test(arguments: [false, true])
  func otherDirectoriesAreNotTouched(overwrite: Bool) throws {
    let scratch = Scratch()
    try FileManager.default.createDirectory(atPath: scratch("recipes"), withIntermediateDirectories: true)
    try Data("x".utf8).write(to: URL(fileURLWithPath: scratch("recipes/recipe.yaml")))
    let refusal = #expect(throws: Failure.self) { try create(scratch("recipes"), overwrite: overwrite) }
    #expect(refusal?.kind == .usage && refusal!.message.contains(scratch("recipes")))
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch("recipes")) == ["recipe.yaml"])
    let file = #expect(throws: Failure.self) {
      try create(scratch("recipes/recipe.yaml"), overwrite: overwrite)
    }
    #expect(file!.message.contains(scratch("recipes/recipe.yaml")))
    #expect(throws: Failure.self) { try create(scratch("recipes/recipe.yaml/run"), overwrite: overwrite) }
    #expect(throws: Failure.self) { try RunDirectory(resuming: scratch("recipes")) }
    #expect(throws: Failure.self) { try create("/proc/nowhere") }
  }

  @Test func anEmptyDirectoryIsFine() throws {
    let scratch = Scratch()
    let run = try create(scratch.path)
    try run.close()
    #expect(RunDirectory.holdsRun(scratch.path))
  }

  @Test func oneOwnerAtATime() throws {
    let scratch = Scratch()
    let owner = try create(scratch("run"))
    for attempt in [
      { try create(scratch("run"), overwrite: true) }, { try RunDirectory(resuming: scratch("run")) },
    ] {
      let refusal = #expect(throws: Failure.self) { _ = try attempt() }
      #expect(refusal?.kind == .retry && refusal!.message.contains("process \(getpid()) on "))
    }
    try owner.close()
    try RunDirectory(resuming: scratch("run")).close()
  }

  static let flock = ["/usr/bin/flock", "/bin/flock"].first(where: FileManager.default.isExecutableFile)

  @Test(.enabled(if: flock != nil, "needs util-linux' flock"))
  func theLockOfAKilledProcessIsFree() throws {
    let scratch = Scratch()
    try create(scratch("run")).close()
    let other = Process()
    other.executableURL = URL(fileURLWithPath: Self.flock!)
    other.arguments = ["--no-fork", scratch("run/.lock"), "sh", "-c", "echo locked; exec sleep 60"]
    let pipe = Pipe()
    other.standardOutput = pipe
    try other.run()
    #expect(pipe.fileHandleForReading.availableData.count > 0)
    #expect(throws: Failure.self) { try RunDirectory(resuming: scratch("run")) }
    kill(other.processIdentifier, SIGKILL)
    other.waitUntilExit()
    try RunDirectory(resuming: scratch("run")).close()
  }

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

    let run = try RunDirectory(resuming: scratch("run"))
    let found = try run.newestValid()
    #expect(
      found.file?.state.step == 2 && found.skipped.map(\.path) == [checkpoints + "step-00000003.safetensors"])
    try run.resume(from: found.file, recipe: "name: longer\n")
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
    let run = try RunDirectory(resuming: scratch("run"))
    let best = try run.bestValid()
    #expect(best.file?.state.step == 3 && best.skipped.isEmpty)
    let older = try CheckpointFile(reading: scratch("run/checkpoints/step-00000001.safetensors"))
    try run.resume(from: older, recipe: "")
    #expect(try run.newestValid().file?.state.step == 1)
    #expect(try CheckpointFile(reading: scratch("run/checkpoints/best")).state.step == 1)
    try run.resume(from: nil, recipe: "")
    #expect(try run.newestValid().file == nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch("run/checkpoints")).count == 3)
    try run.close()
  }

  @Test(arguments: [true, false])
  func aFailedSaveStopsOrIsReported(stops: Bool) throws {
    let scratch = Scratch()
    let full = FaultPlan { _, call, path in
      call == .write && path.contains("step-00000002") ? .error(ENOSPC) : nil
    }
    let run = try RunDirectory(creating: scratch("run"), recipe: "", fileSystem: full.fileSystem)
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
    let tensors = SampleTensors()
    let value = tensors[0, 0]
    try run.save(sampleState(step: 1), tensors.tensors)
    tensors[0, 0] = 99
    try run.close()
    let file = try CheckpointFile(reading: scratch("run/checkpoints/latest"))
    #expect(file.tensors[0].values[0] == value)
  }
}
