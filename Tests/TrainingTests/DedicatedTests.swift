import Collective
import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// `coordinator: dedicated`: the run is the one that `shared` makes.
@Suite(.tags(.fast)) struct DedicatedTests {
  private static let overrides = [
    "distributed.reduction=strict", "distributed.lanes=4", "model.dropout=0.2", "model.num_layers=2",
    "train.epochs=12", "train.log_every_steps=3", "checkpoint.every_epochs=3", "checkpoint.keep_last=9",
  ]

  private func recipe(_ run: TemporaryRun, _ overrides: [String], dedicated: Bool) throws -> Recipe {
    try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/",
      overrides: Self.overrides + overrides
        + ["distributed.coordinator=\(dedicated ? "dedicated" : "shared")"])
  }

  /// metrics.jsonl without what depends on the clock.
  private func metrics(_ report: TrainingReport) throws -> [NSDictionary] {
    try String(contentsOfFile: report.runDirectory + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
      .map { line in
        var object = try #require(
          try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        for key in object.keys where key.hasSuffix("seconds") || key.hasPrefix("slowest") {
          object[key] = nil
        }
        object["samples_per_second"] = nil
        return object as NSDictionary
      }
  }

  private func checkpoints(_ report: TrainingReport) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: report.runDirectory + "/checkpoints").sorted()
  }

  @Test(arguments: [
    [], ["train.eval_every_epochs=5"],
    ["early_stopping={metric: validation.loss, patience: 2, min_delta: 0.02}", "optimizer.lr=0.03"],
    ["schedule={name: plateau, patience: 0, threshold: 0.3}", "optimizer.lr=0.03"],
    ["early_stopping={metric: train.loss, patience: 1, min_delta: 0.02}"],
  ])
  func itIsTheSameRunBitForBit(overrides: [String]) throws {
    let run = try TemporaryRun()
    let shared = try run.train(recipe(run, overrides, dedicated: false), out: "shared")
    for ranks in 2...4 {
      let dedicated = try run.train(
        recipe(run, overrides, dedicated: true), ranks: ranks, out: "dedicated\(ranks)")
      #expect(dedicated.parametersSHA256 == shared.parametersSHA256)
      #expect(dedicated.status == shared.status && dedicated.epochs == shared.epochs)
      #expect(dedicated.epochLosses == shared.epochLosses)
      #expect(dedicated.validation == shared.validation && dedicated.test == shared.test)
      #expect(try metrics(dedicated) == metrics(shared))
      #expect(
        try checkpoints(dedicated).filter { $0 != "best" } == checkpoints(shared).filter { $0 != "best" })
      let files = try [dedicated, shared].map { try CheckpointFile(reading: $0.checkpoint) }
      #expect(files[0].tensors.flatMap(\.values) == files[1].tensors.flatMap(\.values))
    }
  }

  @Test(arguments: [0, 1, 2]) func aStopAskedOfAnyRankStopsAllAndTheRunGoesOn(asked: Int) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, ["schedule={name: plateau, patience: 0}"], dedicated: true)
    let whole = try run.train(
      self.recipe(run, ["schedule={name: plateau, patience: 0}"], dedicated: false), out: "w")
    var status = TrainingReport.Status.interrupted
    var last: TrainingReport?
    for _ in 0..<200 where status == .interrupted {
      let reports = try Threaded.withRanks(3) { group in
        var options = TrainingOptions()
        options.outputDirectory = run.path + "/cut"
        options.resume = .auto
        let trainer = try Trainer(
          recipe: recipe, data: LoadedData(recipe.data), options: options, communicator: group)
        if group.rank == asked { trainer.requestStop() }
        return try trainer.run()
      }
      #expect(reports.allSatisfy { $0.status == reports[0].status && $0.steps == reports[0].steps })
      (status, last) = (reports[0].status, reports[0])
    }
    #expect(status == .completed && last?.parametersSHA256 == whole.parametersSHA256)
    #expect(last?.epochLosses == whole.epochLosses)
  }

  @Test func anErrorOfAllWorkersIsTheCoordinatorsToo() throws {
    let run = try TemporaryRun()
    let recipe = try recipe(
      run,
      [
        "model={cell: rnn, nonlinearity: relu, hidden_size: 4, num_layers: 3, head: [{linear: 1}]}",
        "optimizer={name: sgd, lr: 1.0e+30}", "train.max_bad_steps=3", "train.epochs=50",
      ], dedicated: true)
    let failures = try Threaded.withRanks(3) { group -> Failure? in
      var options = TrainingOptions()
      options.outputDirectory = run.path + "/bad"
      let trainer = try Trainer(
        recipe: recipe, data: LoadedData(recipe.data), options: options, communicator: group)
      do { _ = try trainer.run() } catch { return error as? Failure }
      return nil
    }
    #expect(failures.allSatisfy { $0?.kind == .badData && $0 == failures[0] }, "\(failures)")
    let lines = try String(contentsOfFile: run.path + "/bad/metrics.jsonl", encoding: .utf8)
    #expect(lines.split(separator: "\n").count { $0.contains("\"event\":\"skipped\"") } == 3)
  }

  @Test func oneRankIsNotEnough() throws {
    let run = try TemporaryRun()
    let error = #expect(throws: Failure.self) { try run.train(recipe(run, [], dedicated: true), out: "one") }
    #expect(error?.message.contains("at least two ranks") == true)
  }
}
