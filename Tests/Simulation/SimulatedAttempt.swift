import Collective
import Diagnostics
import Foundation
import Training

/// One start of a job, to the end of its last process.
final class SimulatedAttempt: @unchecked Sendable {
  let world: SimulatedWorld
  private let recipe: SimulatedRecipe
  private let folder: String
  private let faults: [Fault]
  private let observer = SavedSteps()
  /// The trace of all that happened.
  private(set) var trace: UInt64 = 0

  /// No job takes longer by itself.
  private static let usual = UInt64.seconds(30)

  /// - hosts: the host of each rank.
  init(
    _ recipe: SimulatedRecipe, in folder: String, hosts: [Int], faults: [Fault], seed: UInt64, plant: Plant?
  ) {
    (self.recipe, self.folder, self.faults) = (recipe, folder, faults)
    world = SimulatedWorld(seed: seed, plant: plant)
    let world = world
    SimulatedClock.nanoseconds = { world.scheduler.now + 1_000_000_000 }
    for group in world.launch(hosts: hosts) {
      _ = group.process.start("rank \(group.rank)") { [self] in train(group) }
    }
    for fault in faults { world.plan(fault) }
  }

  /// - Returns: the exit code of the job, as its starter tells it.
  func run(resumes: Bool) -> Int32 {
    let limit = Self.usual + faults.reduce(0) { $0 + $1.cost }
    self.resumes = resumes
    world.scheduler.run(until: limit)
    let waiting = world.processes.filter { !$0.isGone }
    if !waiting.isEmpty {
      let names = waiting.map {
        "rank \($0.rank) in \($0.progress.mark.call) at step \($0.progress.mark.step)"
      }
      world.violated(.waits, "after \(limit / 1_000_000_000) s: \(names.joined(separator: ", "))")
      for process in waiting { process.end(.killed) }
    }
    world.scheduler.run(until: .max)
    trace = world.scheduler.trace
    SimulatedClock.nanoseconds = nil
    check()
    return code
  }

  private var resumes = false

  /// That of the first process that did not end well.
  private var code: Int32 {
    let bad = world.processes.filter { $0.ending != .code(0) && !world.cut.contains($0.host) }
    switch bad.min(by: { $0.endedAt < $1.endedAt })?.ending {
    case .code(let code): return code
    case .killed: return 128 + SIGKILL
    case nil: return 0
    }
  }

  var report: TrainingReport? { world.processes.compactMap(\.report).first }
  var saved: [Int] { observer.steps }

  /// What a rank's program does.
  private func train(_ group: SimulatedGroup) {
    let process = group.process
    do {
      var options = TrainingOptions()
      options.outputDirectory = folder
      options.resume = resumes ? .auto : .never
      options.threads = 1
      options.gathersAhead = false
      options.fileSystem = SimulatedDisk.fileSystem(process)
      process.progress.enter(.loading, step: 0)
      try process.compute(process.scheduler.dice.time(.milliseconds(1)...(.milliseconds(20))))
      let trainer = try Trainer(
        recipe: recipe.recipe, data: recipe.data, options: options, communicator: group, observer: observer)
      process.begins(trainer)
      trainer.faults = { [world, resumes] step, parameters in
        let usual = process.scheduler.dice.time(.milliseconds(1)...(.milliseconds(6)))
        try? process.compute(usual + process.work)
        process.work = 0
        if resumes, world.plant == .bits, step > 0, !process.wasSpoilt {
          parameters[0] += 1e-3
          process.wasSpoilt = true
        }
      }
      process.report = try trainer.run()
      process.progress.enter(.finishing, step: process.progress.mark.step)
      try group.barrier()
      try group.finish()
      leave(process, process.report?.status == .interrupted ? Failure.Kind.retry.rawValue : 0)
    } catch let failure as Failure where !process.isGone {
      process.failure = failure
      if group.rank != 0 { try? process.pass(.seconds(2)) }
      if !process.isGone { leave(process, failure.kind.rawValue) }
    } catch {
      // It is gone; who ended it knows.
      if process.ending != .killed { world.ended(process) }
    }
  }

  private func leave(_ process: SimulatedProcess, _ code: Int32) {
    process.end(.code(code))
    world.ended(process)
  }
}

extension SimulatedAttempt {
  private func check() {
    let reports = world.processes.compactMap(\.report)
    let others = reports.filter { other in
      let first = reports[0]
      return other.status != first.status || other.steps != first.steps
        || other.checkpoint != first.checkpoint
        || other.parametersSHA256 != first.parametersSHA256
    }
    if let other = others.first {
      world.violated(
        .decisions,
        "one rank ends \(reports[0].status) at step \(reports[0].steps), another \(other.status) at \(other.steps)"
      )
    }
    if !faults.contains(where: \.isLethal), world.violations.isEmpty {
      let isStopped = faults.contains(where: \.isStop)
      if reports.count != world.processes.count || !(code == 0 || isStopped && code == 75) {
        let failure = world.processes.compactMap { $0.failure?.message }.first ?? "no failure is told"
        world.violated(.decisions, "nothing happened that ends a job, and it ended with \(code): \(failure)")
      }
    }
    // Hosts that hear nothing of each other each tell it.
    let isParted = faults.contains { $0.kind == .cut || $0.kind == .deaf }
    if !isParted, world.blames.count > 1 {
      world.violated(.blame, "told \(world.blames.count) times, by ranks \(world.blames.map(\.by.rank))")
    }
  }
}

/// Steps whose checkpoints were said to be durable.
private final class SavedSteps: TrainingObserver {
  private(set) var steps: [Int] = []

  func started(_: TrainingStart) {}
  func progress(_: TrainingProgress) {}
  func epochEnded(_: EpochSummary) {}
  func note(_: String) {}
  func checkpointSaved(path: String) {
    let digits = path.utf8.split(separator: UInt8(ascii: "/")).last!.filter { (48...57).contains($0) }
    steps.append(digits.reduce(0) { $0 * 10 + Int($1 - 48) })
  }
}
