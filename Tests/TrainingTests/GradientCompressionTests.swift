import Collective
import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// `distributed.compress: powersgd` and `topk`: less than all gradients travels, and the rest later.
@Suite("Gradients of which less travels", .tags(.fast)) struct GradientCompressionTests {
  private struct File: Decodable {
    struct Case: Decodable, Sendable {
      let ranks: Int
      let settings: String
      let lr: Double
      let clip: String?
      let parameters: Reference.Floats
    }
    let compressions: [Case]
  }

  @Test func `go NumPy's way`() throws {
    let cases = try Reference.load("large.json", as: File.self).compressions
    #expect(cases.count == 16)
    let run = try TemporaryRun()
    for test in cases {
      let report = try run.train(
        SmallRunReference.recipe(
          run,
          ["distributed={\(test.settings)}", "optimizer={name: sgd, lr: \(test.lr)}"]
            + (test.clip.map { ["train.\($0.replacing(": ", with: "="))"] } ?? [])),
        ranks: test.ranks,
        out: "run", overwrite: true)
      let error = try relativeDifference(TemporaryRun.parameters(report), test.parameters.values)
      #expect(error < 2e-5, "\(test.settings), \(test.ranks) ranks: \(error)")
    }
  }

  private static let ways = [
    "{compress: powersgd, powersgd_rank: 2}", "{compress: topk, topk_share: 0.2}",
    "{compress: topk, topk_share: 0.1, topk_momentum: 0.8, topk_warmup_epochs: 3}",
  ]

  private func recipe(_ run: TemporaryRun, _ way: String, _ more: String...) throws -> Recipe {
    let optimizer = way.contains("momentum") ? "{name: sgd, lr: 0.05}" : "{name: adam, lr: 0.01}"
    return try Recipe(
      yaml: run.recipe("train.epochs=6").effectiveYAML, path: "r", baseDirectory: "/",
      overrides: ["distributed=\(way)", "optimizer=\(optimizer)", "model.hidden_size=8"] + more)
  }

  @Test(arguments: ways, ["shared", "dedicated"])
  func `a resumed run is the same run`(way: String, coordinator: String) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(
      run, way, "distributed.coordinator=\(coordinator)", "checkpoint={every_seconds: 1.0e-9, keep_last: 99}")
    let ranks = coordinator == "shared" ? 3 : 4
    let whole = try run.train(recipe, ranks: ranks, out: "whole")
    for step in [1, 7, 10, 28] {
      let path = run.path + "/whole/checkpoints/\(CatalogueEntry.name(of: step))"
      let again = try run.train(recipe, ranks: ranks, out: "again", resume: .file(path), overwrite: true)
      #expect(again.parametersSHA256 == whole.parametersSHA256, "from step \(step)")
      let fewer = try run.train(recipe, ranks: ranks - 1, out: "fewer", resume: .file(path), overwrite: true)
      #expect(fewer.status == .completed)
    }
  }

  /// What is kept is a sum over ranks: fewer or more of them go on with all of it.
  @Test(arguments: ways) func `no error is lost where ranks become fewer`(way: String) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, way, "optimizer.lr=0")
    let cut = try run.train(recipe, ranks: 4, out: "cut", stopAt: 6)
    func errors(_ report: TrainingReport) throws -> [Double] {
      let file = try CheckpointFile(reading: report.checkpoint)
      let all = file.tensors.filter { $0.name.hasSuffix("error.rnn.weight_hh_l0") }.map(\.values)
      return all[0].indices.map { i in all.reduce(0) { $0 + Double($1[i]) } }
    }
    let four = try errors(cut)
    #expect(four.contains { $0 != 0 })
    // A run whose step is the last takes none, and saves what it began with.
    var ended = recipe
    ended.train.epochs = 2
    let done = try run.train(ended, ranks: 4, out: "done")
    let before = try errors(done)
    ended.train.epochs = 2
    let fewer = try run.train(ended, ranks: 2, out: "fewer", resume: .file(done.checkpoint))
    for (a, b) in zip(try errors(fewer), before) { #expect(abs(a - b) < 1e-5 * max(1e-3, abs(b))) }
  }

  /// A step that is not taken leaves what is kept as it was.
  @Test(arguments: ways) func `a step that is not finite changes nothing`(way: String) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, way, "train.max_bad_steps=99")
    let reports = try Threaded.withRanks(3) { group in
      var options = TrainingOptions()
      options.outputDirectory = run.path + "/bad"
      let trainer = try Trainer(
        recipe: recipe, data: LoadedData(recipe.data), options: options, communicator: group)
      let kept = UnsafeMutableBufferPointer<Float>.allocate(capacity: 1)
      defer { kept.deallocate() }
      trainer.faults = { step, parameters in
        if group.rank == 1, step == 7 {
          kept[0] = parameters[3]
          parameters[3] = .nan
        }
        if group.rank == 1, step == 8 { parameters[3] = kept[0] }
      }
      return try trainer.run()
    }
    #expect(reports.allSatisfy { $0.parametersSHA256 == reports[0].parametersSHA256 && $0.skippedSteps == 1 })
    #expect(try TemporaryRun.parameters(reports[0]).allSatisfy(\.isFinite))
  }

  @Test(arguments: [
    ("distributed={compress: powersgd, optimizer_sharding: true}", "excludes distributed.optimizer_sharding"),
    ("distributed={compress: topk, sync_every: 3}", "excludes distributed.sync_every"),
    ("distributed={compress: powersgd, reduction: strict}", "bits depend on the number of ranks"),
    ("distributed={powersgd_rank: 3}", "distributed.powersgd_rank needs distributed.compress"),
    ("distributed={compress: topk, topk_share: 0}", "topk_share"),
    ("distributed={topk_warmup_epochs: 2}", "distributed.topk_warmup_epochs needs distributed.compress"),
    ("distributed={compress: topk, topk_momentum: 0.9}", "takes the place of the optimizer's momentum"),
  ]) func `what can't be is refused by its key`(override: String, words: String) throws {
    let run = try TemporaryRun()
    let error = #expect(throws: (any Error).self) { try run.recipe(override) }
    #expect("\(error!)".contains(words))
  }

  @Test func `vectors and what is frozen are left out of it`() throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, Self.ways[0], "train.freeze=[rnn.weight_ih_l0]")
    let report = try run.train(recipe, ranks: 3, out: "run")
    let file = try CheckpointFile(reading: report.checkpoint)
    func isZero(_ name: String) throws -> Bool {
      try #require(file.tensors.first { $0.name == name }).values.allSatisfy { $0 == 0 }
    }
    #expect(try !isZero("optimizer.rank1.error.rnn.weight_hh_l0"))
    #expect(try isZero("optimizer.rank1.error.rnn.weight_ih_l0"))
    #expect(try isZero("optimizer.rank1.error.rnn.bias_ih_l0"))
  }
}
