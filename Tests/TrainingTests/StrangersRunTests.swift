import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// A run directory may be a stranger's: what stands in it is looked at before it is used, and leads nowhere else.
@Suite(.tags(.fast)) struct StrangersRunTests {
  private static let files = [".lock", "metrics.jsonl", "recipe.yaml", "bad-step.json"]

  /// What may stand in a file's place.
  enum Obstacle: CaseIterable {
    case linkToFile, linkToNothing, pipe, folder, socket

    func put(_ path: String, _ victim: String) {
      try? FileManager.default.removeItem(atPath: path)
      switch self {
      case .linkToFile: symlink(victim, path)
      case .linkToNothing: symlink(victim + "-new", path)
      case .pipe: mkfifo(path, 0o600)
      case .folder: mkdir(path, 0o700)
      case .socket: mknod(path, S_IFSOCK | 0o600, 0)
      }
    }
  }

  private func makeRun(_ scratch: Scratch) throws {
    let run = try RunDirectory.create(scratch("run"))
    for step in 1...3 {
      try run.appendMetrics("{\"step\":\(step)}")
      try run.saveSample(step: step, loss: 1)
    }
    try run.close()
    try Data("victim".utf8).write(to: URL(fileURLWithPath: scratch("victim")))
  }

  private func checkVictim(_ scratch: Scratch) throws {
    #expect(try String(contentsOfFile: scratch("victim"), encoding: .utf8) == "victim")
    #expect(!FileManager.default.fileExists(atPath: scratch("victim-new")))
  }

  @Test(arguments: files + ["checkpoints"], Obstacle.allCases)
  func whatIsNoFileOfItsOwnIsRefused(name: String, obstacle: Obstacle) throws {
    if name == "checkpoints", obstacle == .folder { return }
    let scratch = Scratch()
    try makeRun(scratch)
    obstacle.put(scratch("run/\(name)"), scratch("victim"))
    for attempt in [
      { _ = try RunClaim(resuming: scratch("run")) },
      { _ = try RunDirectory.create(scratch("run"), overwrite: true) },
    ] {
      let failure = #expect(throws: Failure.self) { try attempt() }
      #expect(failure?.kind == .badData && failure!.message.contains(scratch("run/\(name)")), "\(failure!)")
    }
    try checkVictim(scratch)
    if name != "checkpoints" { #expect(try validSteps(scratch("run")).count == 3) }
    // In a directory that holds nothing else.
    guard name == ".lock" else { return }
    mkdir(scratch("fresh"), 0o700)
    obstacle.put(scratch("fresh/.lock"), scratch("victim"))
    #expect(throws: Failure.self) { try RunDirectory.create(scratch("fresh")) }
    try checkVictim(scratch)
  }

  /// A checkpoint's place is looked at too.
  /// A copy of a run that is made of hard links (`cp -al`) stays as it is.
  @Test(arguments: files) func aFileWithAnotherNameIsNotChangedThere(name: String) throws {
    let scratch = Scratch()
    try makeRun(scratch)
    try? FileManager.default.removeItem(atPath: scratch("run/\(name)"))
    #expect(link(scratch("victim"), scratch("run/\(name)")) == 0)
    let refused = [".lock", "metrics.jsonl"].contains(name)
    let attempt = {
      let claim = try RunClaim(resuming: scratch("run"))
      let run = try claim.resume(from: claim.newestValid().file, recipe: "name: other")
      try run.appendMetrics("{}")
      try run.close()
    }
    if refused {
      let failure = #expect(throws: Failure.self) { try attempt() }
      #expect(failure?.kind == .badData && failure!.message.contains("has another name"), "\(failure!)")
    } else {
      #expect(throws: Never.self) { try attempt() }
    }
    try checkVictim(scratch)
  }

  @Test(arguments: Obstacle.allCases) func whatIsNoCheckpointIsPassedOver(obstacle: Obstacle) throws {
    let scratch = Scratch()
    try makeRun(scratch)
    obstacle.put(scratch("run/checkpoints/step-00000003.safetensors"), scratch("victim"))
    let claim = try RunClaim(resuming: scratch("run"))
    let found = try claim.newestValid()
    #expect(found.file?.state.step == 2 && found.skipped.count == 1)
    let run = try claim.resume(from: found.file, recipe: "name: test\n")
    try run.saveSample(step: 3)
    try run.close()
    #expect(try validSteps(scratch("run")) == [3, 2, 1])
    try checkVictim(scratch)
  }

  /// Indices are for people: whatever stands in their place ends no run.
  @Test(arguments: ["latest", "best"], Obstacle.allCases)
  func nothingInPlaceOfAnIndexEndsARun(name: String, obstacle: Obstacle) throws {
    let scratch = Scratch()
    try makeRun(scratch)
    obstacle.put(scratch("run/checkpoints/\(name)"), scratch("victim"))
    let claim = try RunClaim(resuming: scratch("run"))
    let run = try claim.resume(from: claim.newestValid().file, recipe: "name: test\n")
    for step in 4...7 {
      try run.saveSample(step: step, loss: -Double(step))
      try run.waitForSaves()
    }
    let notes = run.takeEvents().count { if case .note = $0 { true } else { false } }
    #expect(notes == (obstacle == .folder ? 1 : 0))
    try run.close()
    #expect(try validSteps(scratch("run")) == [7, 6, 5])
    try checkVictim(scratch)
    try RunDirectory.create(scratch("run"), overwrite: true).close()
    #expect(try validSteps(scratch("run")) == [])
  }

  @Test func aLockFileThatIsRemovedOrReplacedLetsNobodyIn() throws {
    let scratch = Scratch()
    let owner = try RunDirectory.create(scratch("run"))
    try owner.saveSample(step: 1)
    for replaces in [false, true] {
      unlink(scratch("run/.lock"))
      if replaces { try Data("x".utf8).write(to: URL(fileURLWithPath: scratch("run/.lock"))) }
      for attempt in [
        { _ = try RunClaim(resuming: scratch("run")) },
        { _ = try RunDirectory.create(scratch("run"), overwrite: true) },
      ] {
        #expect((#expect(throws: Failure.self) { try attempt() })?.kind == .retry)
      }
    }
    try owner.saveSample(step: 2)
    try owner.close()
    #expect(try validSteps(scratch("run")) == [2, 1])
    try RunClaim(resuming: scratch("run")).release()
  }

  enum Loss: CaseIterable { case moved, replaced, removed, checkpointsMoved }

  /// What is written into a directory that went away is saved where nobody looks for it.
  @Test(arguments: Loss.allCases) func aDirectoryThatWentAwayIsAnInputOutputError(loss: Loss) throws {
    let scratch = Scratch()
    let run = try RunDirectory.create(scratch("run"))
    try run.saveSample(step: 1)
    try run.waitForSaves()
    switch loss {
    case .moved, .replaced: rename(scratch("run"), scratch("gone"))
    case .removed: try FileManager.default.removeItem(atPath: scratch("run"))
    case .checkpointsMoved: rename(scratch("run/checkpoints"), scratch("run/elsewhere"))
    }
    if loss == .replaced { try RunDirectory.create(scratch("run")).close() }
    try run.saveSample(step: 2)
    let failure = #expect(throws: Failure.self) { try run.waitForSaves() }
    #expect(failure?.kind == .inputOutput && failure!.message.contains("was moved or removed"), "\(failure!)")
    #expect(!run.takeEvents().contains { if case .saved(_, 2, _, _) = $0 { true } else { false } })
  }

  @Test func runsBegunInTheSameSecondHaveTheirOwnNames() throws {
    let scratch = Scratch()
    let claims = try (0..<3).map { _ in try RunClaim(naming: scratch("runs/a-20260101-000000")) }
    #expect(!FileManager.default.fileExists(atPath: scratch("runs")))
    let paths = try claims.map { try $0.begin(recipe: "name: a\n").path }
    #expect(paths == ["", "-2", "-3"].map { scratch("runs/a-20260101-000000") + $0 })
  }
}
