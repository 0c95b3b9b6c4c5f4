import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Which directories a run may take, and who owns them.
@Suite(.tags(.long)) struct CheckpointOwnershipTests {
  private func create(_ path: String, overwrite: Bool = false) throws -> RunDirectory {
    try RunDirectory.create(path, overwrite: overwrite)
  }

  private func content(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

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
    #expect(try validSteps(scratch("run")) == [])
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
    #expect(throws: Failure.self) { try RunClaim(resuming: scratch("recipes")) }
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
      { _ = try create(scratch("run"), overwrite: true) }, { _ = try RunClaim(resuming: scratch("run")) },
    ] {
      let refusal = #expect(throws: Failure.self) { try attempt() }
      #expect(refusal?.kind == .retry && refusal!.message.contains("process \(getpid()) on "))
    }
    try owner.close()
    try RunClaim(resuming: scratch("run")).release()
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
    #expect(throws: Failure.self) { try RunClaim(resuming: scratch("run")) }
    kill(other.processIdentifier, SIGKILL)
    other.waitUntilExit()
    try RunClaim(resuming: scratch("run")).release()
  }

  @Test func killedWhileItIsCreated() throws {
    for overwrite in [false, true] {
      var number = 0
      var calls = Int.max
      while number < calls {
        let scratch = Scratch()
        if overwrite {
          let old = try create(scratch("run"))
          try old.saveSample(step: 1)
          try old.close()
        }
        let plan = FaultPlan.dead(from: number, torn: true)
        _ = try? RunDirectory.create(
          scratch("run"), recipe: "", overwrite: overwrite, fileSystem: plan.fileSystem)
        if plan.trace.count <= number { calls = number }
        let next = try create(scratch("run"), overwrite: RunDirectory.holdsRun(scratch("run")))
        #expect(try validSteps(scratch("run")) == [])
        try next.close()
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch("run")).sorted()
        #expect(names == [".lock", "checkpoints", "metrics.jsonl", "recipe.yaml"])
        number += 1
      }
      #expect(number > 20)
    }
  }
}
