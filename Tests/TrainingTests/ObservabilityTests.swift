import Collective
import Dataset
import Foundation
import TestSupport
import Testing
import Training

/// What a run of several ranks tells about them.
@Suite(.tags(.fast)) struct ObservabilityTests {
  private func train(_ run: TemporaryRun, ranks: Int, _ overrides: String...) throws -> TrainingReport {
    let recipe = try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/",
      overrides: ["train.log_every_steps=1", "train.epochs=2"] + overrides)
    return try Threaded.withRanks(ranks) { group in
      var options = TrainingOptions()
      options.outputDirectory = run.path + "/run"
      options.overwrite = true
      options.tracePath = run.path + "/trace.json"
      let trainer = try Trainer(
        recipe: recipe, data: LoadedData(recipe.data), options: options, communicator: group)
      // One rank is slow.
      trainer.faults = { _, _ in if group.rank == 1 { usleep(8000) } }
      return try trainer.run()
    }[0]
  }

  @Test(arguments: ["shared", "dedicated"]) func epochsNameTheSlowestRank(coordinator: String) throws {
    let run = try TemporaryRun()
    _ = try train(run, ranks: 3, "distributed.coordinator=\(coordinator)")
    let epochs = try run.metrics("run", "epoch")
    #expect(epochs.count == 2)
    for epoch in epochs {
      let compute = try #require(epoch["compute_seconds"] as? [Double])
      #expect(compute.count == (coordinator == "shared" ? 3 : 2) && compute.allSatisfy { $0 > 0 })
      #expect(epoch["slowest_rank"] as? Int == 1)
      #expect(compute[coordinator == "shared" ? 1 : 0] > 0.04)
      #expect((epoch["slowest_host"] as? String)?.isEmpty == false)
      for key in ["wait_seconds", "communication_seconds"] { #expect((epoch[key] as? Double) ?? -1 >= 0) }
    }
    for step in try run.metrics("run", "step") {
      for key in ["compute_seconds", "wait_seconds", "communication_seconds"] {
        #expect((step[key] as? Double) ?? -1 >= 0, "\(key)")
      }
    }
  }

  @Test func oneRankHasNothingToTell() throws {
    let run = try TemporaryRun()
    _ = try train(run, ranks: 1)
    let names = ["slowest_rank", "compute_seconds", "wait_seconds"]
    for line in try run.metrics("run", "epoch") + run.metrics("run", "step") {
      #expect(names.allSatisfy { line[$0] == nil })
    }
  }

  @Test(arguments: [1, 3]) func theTraceShowsEveryStepOfEveryRank(ranks: Int) throws {
    let run = try TemporaryRun()
    let report = try train(run, ranks: ranks, "distributed.reduction=strict", "distributed.lanes=2")
    let data = try Data(contentsOf: URL(fileURLWithPath: run.path + "/trace.json"))
    let trace = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let events = try #require(trace["traceEvents"] as? [[String: Any]])
    for rank in 0..<ranks {
      let own = events.filter { $0["pid"] as? Int == rank }
      #expect(own.contains { $0["ph"] as? String == "M" })
      for (name, count) in [("reduction", 1), ("optimizer", 1), ("forward", rank < 2 ? 1 : 0)] {
        let found = own.filter { $0["name"] as? String == name }
        #expect(found.count == count * report.steps, "\(name) of rank \(rank)")
        for event in found {
          #expect(event["ph"] as? String == "X" && (event["ts"] as? Double) ?? -1 >= 0)
          #expect((event["dur"] as? Double) ?? -1 >= 0)
        }
      }
      #expect(own.contains { $0["name"] as? String == "evaluation" })
    }
  }

  @Test func aTraceThatCannotBeWrittenIsSaidAtOnce() throws {
    let run = try TemporaryRun()
    var options = TrainingOptions()
    options.outputDirectory = run.path + "/run"
    options.tracePath = run.path + "/missing/trace.json"
    let recipe = try run.recipe()
    let error = #expect(throws: (any Error).self) {
      try Trainer(recipe: recipe, data: LoadedData(recipe.data), options: options)
    }
    #expect("\(error!)".contains("/missing/trace.json"))
    #expect(!FileManager.default.fileExists(atPath: run.path + "/run"))
  }
}
