import Batches
import Collective
import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Samples that are not finite, on random ranks at random steps: all ranks skip the same steps, and nothing of them stays.
@Suite(.tags(.long)) struct NotFiniteTests {
  /// 100 epochs of 5 steps.
  private func recipe(_ run: TemporaryRun, _ more: String...) throws -> Recipe {
    try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/",
      overrides: ["train.epochs=100", "distributed.reduction=strict", "train.max_bad_steps=1000"] + more)
  }

  /// What each rank is given at some steps.
  private typealias Plan = [Int: (rank: Int, fault: FaultySet.Fault)]

  /// RECUR_INJECTIONS asks for more of them.
  @Test func allRanksSkipTheSameSteps() throws {
    var left = repetitions("RECUR_INJECTIONS", usually: 1000)
    while left > 0 {
      let ranks = Int.random(in: 2...4)
      var plan: Plan = [:]
      for step in (0..<500).shuffled().prefix(min(left, 200)) {
        // The last batch of an epoch is so small that only the first ranks have a part of it.
        let rank = step % 5 == 4 ? 0 : Int.random(in: 0..<ranks)
        plan[step] = (rank, FaultySet.Fault.allCases.randomElement()!)
      }
      left -= plan.count
      let run = try TemporaryRun()
      let recipe = try recipe(run, "model.cell=\(["rnn", "lstm", "gru"].randomElement()!)")
      let reports = try train(run, recipe, ranks: ranks, plan, out: "run")
      #expect(reports.allSatisfy { $0.parametersSHA256 == reports[0].parametersSHA256 })
      #expect(reports.allSatisfy { $0.skippedSteps == plan.count && $0.steps == 500 })
      try checkLog(run, recipe, plan)
      try checkBest(run, reports[0])
      // One process that meets them all takes the same decisions, and so the same steps.
      let alone = try train(run, recipe, ranks: 1, plan.mapValues { (0, $0.fault) }, out: "alone")
      #expect(alone[0].parametersSHA256 == reports[0].parametersSHA256)
    }
  }

  /// Each step that was skipped is there once, with the samples of its batch.
  private func checkLog(_ run: TemporaryRun, _ recipe: Recipe, _ plan: Plan) throws {
    let lines = try log(run).filter { $0["event"] as? String == "skipped" }
    #expect(lines.map { $0["step"] as? Int } == plan.keys.sorted().map { $0 + 1 })
    for line in lines {
      let step = try #require(line["step"] as? Int) - 1
      let order = EpochOrder(count: 37, seed: recipe.seed).order(epoch: step / 5)
      let batch = order.dropFirst(step % 5 * 8).prefix(8)
      #expect((line["samples"] as? [Int]) == batch.map { Int($0) })
    }
  }

  private func checkBest(_ run: TemporaryRun, _ report: TrainingReport) throws {
    let losses = try log(run).compactMap { ($0["validation"] as? [String: Any])?["loss"] as? Double }
    #expect(losses.count >= 100)
    let best = try CheckpointFile(reading: try #require(report.bestCheckpoint))
    let value = try #require(best.state.monitored?.value)
    #expect(abs(value - losses.prefix(100).min()!) < 1e-12)
  }

  @Test func anEpochWithoutAStepIsNeverBest() throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, "train.epochs=3", "checkpoint={metric: train.loss, every_epochs: 1}")
    var plan: Plan = [:]
    for step in 5..<10 { plan[step] = (1, .target) }
    let report = try train(run, recipe, ranks: 2, plan, out: "run")[0]
    #expect(report.epochLosses.map(\.isNaN) == [false, true, false])
    #expect(try CheckpointFile(reading: try #require(report.bestCheckpoint)).state.epoch != 2)
    let again = try run.train(recipe, ranks: 2, out: "again", resume: .file(report.checkpoint))
    #expect(again.parametersSHA256 == report.parametersSHA256)
  }

  @Test(arguments: [1, 3]) func tooManyInARowEndTheRunWithADump(ranks: Int) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, "train.max_bad_steps=4")
    var plan: Plan = [:]
    for step in [3, 4, 5, 8, 9, 10, 11] { plan[step] = (step % ranks, .input) }
    let errors = try run.onRanks(ranks, recipe, out: "run") { trainer, set, rank in
      trainer.faults = { step, _ in set.fault = plan[step].flatMap { $0.rank == rank ? $0.fault : nil } }
      do { _ = try trainer.run() } catch { return error as? Failure }
      return nil
    }
    #expect(errors.allSatisfy { $0 == errors[0] && $0?.kind == .badData })
    #expect(errors[0]?.message.contains("(the last was step 12)") == true, "\(errors)")
    let path = run.path + "/run/bad-step.json"
    let dump = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
    let values = try #require(dump as? [String: Any])
    #expect(values["step"] as? Int == 12 && values["bad_in_a_row"] as? Int == 4)
    #expect((values["samples"] as? [Int])?.count == 8)
    let tensors = try #require(values["tensors"] as? [[String: Any]])
    #expect(tensors.count == 6 && tensors.contains { ($0["not_finite"] as? Int ?? 0) > 0 })
    #expect(tensors.allSatisfy { ($0["parameter"] as? Double ?? 0) > 0 })
  }

  private func train(_ run: TemporaryRun, _ recipe: Recipe, ranks: Int, _ plan: Plan, out: String) throws
    -> [TrainingReport]
  {
    return try run.onRanks(ranks, recipe, out: out) { trainer, set, rank in
      trainer.faults = { step, _ in set.fault = plan[step].flatMap { $0.rank == rank ? $0.fault : nil } }
      return try trainer.run()
    }
  }

  private func log(_ run: TemporaryRun) throws -> [[String: Any]] {
    try String(contentsOfFile: run.path + "/run/metrics.jsonl", encoding: .utf8).split(separator: "\n")
      .compactMap { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
  }
}

extension TemporaryRun {
  /// Runs `body` on each rank with a trainer whose training samples can be spoilt.
  fileprivate func onRanks<Result: Sendable>(
    _ ranks: Int, _ recipe: Recipe, out: String,
    _ body: @escaping (Trainer, FaultySet, _ rank: Int) throws -> Result
  ) throws -> [Result] {
    nonisolated(unsafe) let body = body
    return try Threaded.withRanks(ranks) { group in
      var options = TrainingOptions()
      options.outputDirectory = "\(self.path)/\(out)"
      // What is asked for before a step must spoil this step.
      options.gathersAhead = false
      var data = try LoadedData(recipe.data)
      let set = FaultySet(data.train!)
      data.train = set
      let trainer = try Trainer(
        recipe: recipe, data: data, options: options, communicator: group)
      return try body(trainer, set, group.rank)
    }
  }
}

/// A set that spoils the next batch it gathers, if asked to.
final class FaultySet: SampleSet, @unchecked Sendable {
  enum Fault: CaseIterable {
    case input, infiniteInput, target, hugeTarget
  }
  private let base: any SampleSet
  var fault: Fault?

  init(_ base: any SampleSet) { self.base = base }

  var count: Int { base.count }
  var shape: SampleShape { base.shape }

  func fill(_ batch: Batch) {
    base.fill(batch)
    guard let fault, batch.count > 0 else { return }
    self.fault = nil
    let sample = Int.random(in: 0..<batch.count)
    switch fault {
    case .input: batch.inputs[sample * shape.features] = .nan
    case .infiniteInput: batch.inputs[sample * shape.features] = .infinity
    case .target: batch.values[sample] = .nan
    case .hugeTarget: batch.values[sample] = 3e38
    }
  }
}
