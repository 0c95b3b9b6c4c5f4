import Diagnostics
import Foundation
import Synchronization
import TestSupport
import Testing
import Training

/// Lets each system call of resuming, saving and rotating fail, one after the other.
@Suite(.tags(.long)) struct CheckpointFaultTests {
  /// A run with checkpoints 1 to 4, the best of which is 1.
  private static func template() throws -> Scratch {
    let scratch = Scratch()
    let run = try RunDirectory.create(scratch("run"), retention: .init(keepLast: 3))
    for step in 1...4 {
      try run.appendMetrics("{\"step\":\(step)}")
      try run.saveSample(step: step, loss: Double(step))
      try run.waitForSaves()
    }
    try run.close()
    return scratch
  }

  private struct Outcome {
    var errors: [Failure] = []
    var saved: [Int] = []
  }

  /// Takes the run over and goes on to checkpoint 6, whatever happens.
  private static func work(_ path: String, _ fileSystem: FileSystem) -> Outcome {
    var outcome = Outcome()
    func attempt(_ action: () throws(Failure) -> Void) -> Bool {
      do throws(Failure) { try action() } catch {
        outcome.errors.append(error)
        return false
      }
      return true
    }
    var run: RunDirectory?
    var last = 4
    _ = attempt { () throws(Failure) in
      let claim = try RunClaim(resuming: path, fileSystem: fileSystem)
      let found = try claim.newestValid()
      for skipped in found.skipped { outcome.errors.append(.badData(skipped.reason)) }
      last = found.file?.state.step ?? 0
      run = try claim.resume(from: found.file, recipe: "name: test\n", retention: .init(keepLast: 3))
    }
    guard let run else { return outcome }
    if last < 6 {
      for step in last + 1...6 {
        _ = attempt { () throws(Failure) in
          try run.appendMetrics("{\"step\":\(step)}")
          try run.saveSample(step: step, loss: Double(step))
          try run.waitForSaves()
        }
      }
    }
    _ = attempt { () throws(Failure) in try run.close() }
    for case .saved(_, let step, _, _) in run.takeEvents() { outcome.saved.append(step) }
    return outcome
  }

  /// Runs `work` with one plan per system call.
  private static func forEachCall(
    _ plan: (Int) -> FaultPlan, _ check: (_ run: String, FaultPlan, Outcome) throws -> Void
  ) throws -> Int {
    let template = try template()
    var number = 0
    while true {
      let scratch = Scratch()
      try FileManager.default.copyItem(atPath: template("run"), toPath: scratch("run"))
      let plan = plan(number)
      let outcome = work(scratch("run"), plan.fileSystem)
      if plan.trace.count <= number { return number }
      try check(scratch("run"), plan, outcome)
      number += 1
    }
  }

  @Test(arguments: [ENOSPC, EIO, EACCES])
  func oneCallFails(code: Int32) throws {
    let plan = { FaultPlan.once($0, .error(code)) }
    let calls = try Self.forEachCall(plan) { run, plan, outcome in
      let valid = try validSteps(run)
      #expect(valid.count >= 3 && valid.contains(1), "\(valid)")
      #expect(valid.contains(4) || valid.contains(5))
      for step in outcome.saved.suffix(2) { #expect(valid.contains(step)) }
      for error in outcome.errors { #expect(error.message.contains(run), "\(error)") }
      #expect(!outcome.errors.contains { $0.kind == .internalError })
    }
    #expect(calls > 100)
  }

  @Test(arguments: [FileSystem.Fault.short, .error(EINTR)])
  func oneCallIsInterrupted(fault: FileSystem.Fault) throws {
    let plan = { FaultPlan.once($0, fault) }
    _ = try Self.forEachCall(plan) { run, _, outcome in
      #expect(outcome.errors == [] && outcome.saved == [5, 6])
      #expect(try validSteps(run) == [6, 5, 4, 1])
      let lines = try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8)
      #expect(lines == (1...6).map { "{\"step\":\($0)}\n" }.joined())
    }
  }

  @Test func writesThatAreLostSilentlyAreNoticed() throws {
    let scratch = Scratch()
    let run = scratch("run")
    for number in 0..<2 {
      let writes = Mutex(0)
      let plan = FaultPlan { _, call, path in
        guard call == .write, path.contains("step-00000002.safetensors") else { return nil }
        let index = writes.withLock { count in
          count += 1
          return count - 1
        }
        return index == number ? .lost : nil
      }
      let directory = try RunDirectory.create(
        run, recipe: "", overwrite: true, fileSystem: plan.fileSystem)
      try directory.saveSample(step: 1)
      try directory.saveSample(step: 2)
      let error = #expect(throws: Failure.self) { try directory.close() }
      #expect(
        error?.kind == .inputOutput && error!.message.contains(run + "/checkpoints/step-00000002.safetensors")
      )
      #expect(try validSteps(run) == [1])
    }
  }

  @Test func theDiskStaysFull() throws {
    let writing: Set<FileSystem.SystemCall> = [.write, .synchronize, .link, .makeDirectory]
    let plan = { (number: Int) in
      FaultPlan { index, call, _ in index >= number && writing.contains(call) ? .error(ENOSPC) : nil }
    }
    _ = try Self.forEachCall(plan) { run, _, outcome in
      let valid = try validSteps(run)
      #expect(valid.count >= 4 && valid.contains(1))
      for error in outcome.errors {
        #expect(error.kind == .inputOutput && error.message.contains("No space left"), "\(error)")
      }
    }
  }

  @Test(arguments: [false, true])
  func killedAtAnyCall(torn: Bool) throws {
    let plan = { FaultPlan.dead(from: $0, torn: torn) }
    _ = try Self.forEachCall(plan) { run, plan, outcome in
      let valid = try validSteps(run)
      #expect(valid.count >= 3 && valid.contains(1))
      for step in outcome.saved.suffix(2) { #expect(valid.contains(step)) }
      // The next process takes over and brings the run to the same end.
      let next = Self.work(run, .real)
      #expect(next.errors == [])
      #expect(try validSteps(run).first == 6)
      let names = try FileManager.default.subpathsOfDirectory(atPath: run)
      #expect(!names.contains { $0.contains(".tmp-") })
      let lines = try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8)
      #expect(lines == (1...6).map { "{\"step\":\($0)}\n" }.joined())
    }
  }

  /// What a power loss may undo is only what was not synchronized: so the order of calls decides.
  @Test func nothingDependsOnWhatAPowerLossMayUndo() throws {
    let template = try Self.template()
    let plan = FaultPlan { _, _, _ in nil }
    _ = Self.work(template("run"), plan.fileSystem)
    let directory = template("run") + "/checkpoints"
    var dirty: Set<String> = []
    var pending: [String] = []
    var renames = 0
    for step in plan.trace {
      let isCheckpoint = step.path.hasSuffix(".safetensors")
      switch step.call {
      case .write: dirty.insert(step.path)
      case .synchronize where step.path == directory: pending = []
      case .synchronize: dirty.remove(step.path)
      case .rename:
        #expect(!dirty.contains { $0.hasPrefix(step.path) }, "renamed before it was durable")
        if isCheckpoint {
          #expect(!dirty.contains { $0.hasSuffix("metrics.jsonl") }, "counts on lines that may be lost")
          pending.append(step.path)
          renames += 1
        }
      case .remove where isCheckpoint: #expect(pending == [], "removed before the new one was durable")
      default: break
      }
    }
    #expect(renames == 2)
  }
}
