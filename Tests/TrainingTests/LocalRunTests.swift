import Collective
import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Tests/Reference/large.json: runs of small networks on 23 rows, as a paper writes them in NumPy.
struct SmallRunReference: Decodable, Sendable {
  struct Rounds: Decodable, Sendable {
    let ranks, every: Int
    let outerLr, outerMomentum: Double
    let delay: Int
    let alpha: Double
    let parameters: Reference.Floats
  }
  let rounds: [Rounds]

  static func load() throws -> SmallRunReference { try Reference.load("large.json") }

  /// The data and the first parameters of these runs, in the folder of another one.
  /// - overrides: besides three epochs of Adam.
  static func recipe(_ run: TemporaryRun, _ overrides: [String]) throws -> Recipe {
    let (x, y) = (Reference.wave(69, phase: 0.2), Reference.wave(23, phase: 0.7))
    let lines = (0..<23).map { "\(x[3 * $0]),\(x[3 * $0 + 1]),\(x[3 * $0 + 2]),\(y[$0])" }
    try (["a,b,c,y"] + lines).joined(separator: "\n").write(
      toFile: run.path + "/rows.csv", atomically: true, encoding: .utf8)
    var file = WeightFile()
    for (index, (name, shape)) in [
      ("fc0.weight", [4, 3]), ("fc0.bias", [4]), ("fc.weight", [1, 4]), ("fc.bias", [1]),
    ].enumerated() {
      file.add(name, shape, Reference.wave(shape.reduce(1, *), phase: 0.1 + Double(index)))
    }
    try file.write(run.path + "/start.safetensors")
    let yaml = """
      data: {format: csv, path: rows.csv, features: [a, b, c], targets: [y]}
      model: {cell: none, head: [{linear: 4}, tanh, {linear: 1}]}
      loss: mse
      optimizer: {name: adam, lr: 0.05}
      train: {epochs: 3, batch_size: 6, shuffle: false, init_from: start.safetensors}
      """
    return try Recipe(yaml: yaml, path: "rows.yaml", baseDirectory: run.path, overrides: overrides)
  }
}

/// `distributed.sync_every`: ranks that take steps by themselves and meet now and then.
@Suite("Ranks that train apart", .tags(.fast)) struct LocalRunTests {
  private static let overrides = [
    "model.num_layers=2", "model.dropout=0.2", "train.epochs=6", "train.batch_size=7",
    "checkpoint.keep_last=99", "distributed={sync_every: 2, outer_lr: 0.7, outer_momentum: 0.9}",
  ]

  private func recipe(_ run: TemporaryRun, _ more: [String] = []) throws -> Recipe {
    try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/", overrides: Self.overrides + more)
  }

  @Test func `go DiLoCo's way`() throws {
    let reference = try SmallRunReference.load()
    #expect(reference.rounds.count == 10)
    let run = try TemporaryRun()
    for test in reference.rounds {
      let settings =
        "distributed={sync_every: \(test.every), outer_lr: \(test.outerLr), outer_momentum: \(test.outerMomentum)"
        + (test.delay > 0 ? ", sync_delay: \(test.delay), sync_alpha: \(test.alpha)}" : "}")
      let report = try run.train(
        SmallRunReference.recipe(run, [settings]), ranks: test.ranks, out: "run", overwrite: true)
      let error = try relativeDifference(TemporaryRun.parameters(report), test.parameters.values)
      #expect(error < 1e-5, "\(test.ranks) ranks, \(test.every) steps, \(test.delay) late: \(error)")
    }
  }

  /// The mean of equal parts' ways is the way of the whole batch where one step of plain SGD is a round.
  @Test func `rounds of one step are plain sums`() throws {
    let run = try TemporaryRun()
    let sgd = [
      "optimizer={name: sgd, lr: 0.1}", "train.batch_size=6", "data.split.train=36", "model.dropout=0",
    ]
    let plain = try run.train(
      recipe(run, sgd + ["distributed.sync_every=null", "distributed={}"]), out: "plain")
    for ranks in [2, 3] {
      let rounds = try run.train(
        recipe(run, sgd + ["distributed={sync_every: 1, outer_lr: 1, outer_momentum: 0}"]), ranks: ranks,
        out: "rounds\(ranks)")
      #expect(try relativeDifference(TemporaryRun.parameters(rounds), TemporaryRun.parameters(plain)) < 1e-5)
    }
  }

  /// Parameters that stay have one loss, however ranks meet: of each sample once.
  @Test func `losses count each sample once`() throws {
    let run = try TemporaryRun()
    let still = ["optimizer.lr=0", "model.dropout=0"]
    let plain = try run.train(recipe(run, still + ["distributed={}"]), out: "plain")
    for (ranks, every) in [(1, 2), (2, 3), (4, 100), (4, 1)] {
      let rounds = try run.train(
        recipe(run, still + ["distributed.sync_every=\(every)", "train.log_every_steps=1"]), ranks: ranks,
        out: "rounds", overwrite: true)
      for (a, b) in zip(rounds.epochLosses, plain.epochLosses) { #expect(abs(a - b) < 1e-6 * b) }
      #expect(rounds.steps == plain.steps && abs(rounds.test!.loss - plain.test!.loss) < 1e-6)
      let steps = try run.metrics("rounds", "step").map { try #require($0["step"] as? Int) }
      let ends = (1...6).filter { $0 % every == 0 || $0 == 6 }
      #expect(steps == (0..<6).flatMap { epoch in ends.map { 6 * epoch + $0 } })
    }
  }

  @Test(
    arguments: ["shared", "dedicated"],
    [
      "optimizer=adam", "optimizer={name: sgd, lr: 0.1, momentum: 0.9}", "distributed.sync_delay=1",
      "distributed={sync_every: 3, sync_delay: 2, sync_alpha: 0.8, compress: int8}",
    ])
  func `a resumed run is the same run`(coordinator: String, change: String) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(
      run,
      [change, "distributed.coordinator=\(coordinator)", "train.ema=0.9", "checkpoint.every_seconds=1.0e-9"])
    let every = try #require(recipe.distributed.syncEvery)
    let ranks = coordinator == "shared" ? 3 : 4
    let whole = try run.train(recipe, ranks: ranks, out: "whole")
    let files = try FileManager.default.contentsOfDirectory(atPath: run.path + "/whole/checkpoints")
    let steps = files.compactMap { CatalogueEntry.step(in: $0) }.sorted()
    #expect(steps == Array(stride(from: every, through: 36, by: every)))
    for step in steps.dropLast() {
      let path = run.path + "/whole/checkpoints/\(CatalogueEntry.name(of: step))"
      let again = try run.train(recipe, ranks: ranks, out: "again", resume: .file(path), overwrite: true)
      #expect(again.parametersSHA256 == whole.parametersSHA256, "from step \(step)")
      #expect(again.epochLosses == whole.epochLosses && again.test == whole.test, "from step \(step)")
    }
    let shared = try run.train(
      Recipe(
        yaml: recipe.effectiveYAML, path: "r", baseDirectory: "/",
        overrides: ["distributed.coordinator=shared"]), ranks: 3, out: "shared")
    #expect(shared.parametersSHA256 == whole.parametersSHA256)
  }

  /// Steps that were begun are finished, to the round's end: then the stop is everybody's.
  @Test(arguments: ["sync_every=4", "sync_delay=3"])
  func `a stop comes with the end of a round`(change: String) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, ["distributed.sync_every=4", "distributed.\(change)"])
    let whole = try run.train(recipe, ranks: 3, out: "whole")
    for step in [0, 3, 4, 5, 9] {
      let cut = try run.train(recipe, ranks: 3, out: "cut", overwrite: true, stopAt: step)
      let end = (step / 6) * 6 + (step % 6 < 4 ? 4 : 6)
      #expect(cut.status == .interrupted && cut.steps == end)
      let again = try run.train(recipe, ranks: 3, out: "cut", resume: .auto)
      #expect(again.parametersSHA256 == whole.parametersSHA256, "after step \(step)")
    }
  }

  /// Steps are counted, not timed: whoever is late, and however late the sum, it is taken at the same step.
  @Test(arguments: [2, 3], ["none", "int4"])
  func `no pace of ranks changes a bit`(ranks: Int, compress: String) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, ["distributed={sync_every: 3, sync_delay: 2, compress: \(compress)}"])
    let whole = try run.train(recipe, ranks: ranks, out: "whole")
    for slow in 0..<ranks {
      let reports = try Threaded.withRanks(ranks) { group in
        var options = TrainingOptions()
        options.outputDirectory = run.path + "/slow"
        options.overwrite = true
        let trainer = try Trainer(
          recipe: recipe, data: LoadedData(recipe.data), options: options, communicator: group)
        trainer.faults = { step, _ in
          if group.rank == slow { usleep(UInt32(1 + step * 7919 % 5) * 1000) }
        }
        return try trainer.run()
      }
      #expect(reports.allSatisfy { $0.parametersSHA256 == whole.parametersSHA256 }, "rank \(slow) is slow")
    }
  }

  /// Three ranks, one of which has a parameter that is not finite after its step 7.
  private func spoilt(_ run: TemporaryRun, _ recipe: Recipe) throws -> [TrainingReport] {
    try Threaded.withRanks(3) { group in
      var options = TrainingOptions()
      options.outputDirectory = run.path + "/bad"
      let trainer = try Trainer(
        recipe: recipe, data: LoadedData(recipe.data), options: options, communicator: group)
      trainer.faults = { step, parameters in
        if step == 7, group.rank == 1 { parameters[3] = .infinity }
      }
      return try trainer.run()
    }
  }

  /// What a rank has alone when the sum comes is not part of it: it is forgotten, and the others' work stays.
  @Test func `a lead that is not finite is forgotten`() throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, ["distributed.sync_delay=1", "checkpoint.every_seconds=1.0e-9"])
    let reports = try spoilt(run, recipe)
    #expect(reports.allSatisfy { $0.parametersSHA256 == reports[0].parametersSHA256 && $0.skippedSteps < 2 })
    #expect(try TemporaryRun.parameters(reports[0]).allSatisfy(\.isFinite))
  }

  private final class Listener: TrainingObserver, @unchecked Sendable {
    private(set) var notes: [String] = []
    func started(_ start: TrainingStart) {}
    func progress(_ progress: TrainingProgress) {}
    func epochEnded(_ epoch: EpochSummary) {}
    func checkpointSaved(path: String) {}
    func note(_ line: String) { notes.append(line) }
  }

  @Test func `other numbers of ranks begin with the mean of what each kept, and say so`() throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run)
    let cut = try run.train(recipe, ranks: 3, out: "cut", stopAt: 7)
    let file = try CheckpointFile(reading: cut.checkpoint)
    #expect(file.tensors.contains { $0.name == "optimizer.rank2.exp_avg.fc.weight" })
    for ranks in [1, 2, 5] {
      let listener = Listener()
      let copy = try run.train(
        recipe, ranks: ranks, out: "other", resume: .file(cut.checkpoint), overwrite: true,
        observer: listener,
        stopAtOnce: true)
      #expect(copy.steps == 10)
      #expect(
        listener.notes.contains {
          $0.hasPrefix("the checkpoint has what each of 3 ranks keeps for itself, and \(ranks) ")
        })
    }
  }

  @Test(arguments: [
    ("distributed={sync_every: 2, reduction: strict}", "would make the bits depend on the number of ranks"),
    ("distributed={sync_every: 2, optimizer_sharding: true}", "needs a whole optimizer on each rank"),
    ("distributed={sync_every: 2, sync_delay: 1, reduction: strict}", "would make the bits depend on"),
    ("distributed={sync_every: 2, sync_delay: 2}", "distributed.sync_delay is 2, and a round has 2 steps"),
    ("distributed={sync_delay: 1}", "distributed.sync_delay needs distributed.sync_every"),
    ("distributed={sync_every: 2, sync_alpha: 0.1}", "distributed.sync_alpha needs distributed.sync_delay"),
    ("distributed={outer_lr: 1}", "distributed.outer_lr needs distributed.sync_every"),
    ("distributed={outer_momentum: 0.5}", "distributed.outer_momentum needs distributed.sync_every"),
    ("distributed={sync_every: 0}", "sync_every"),
  ]) func `what can't be is refused by its key`(override: String, words: String) throws {
    let run = try TemporaryRun()
    let error = #expect(throws: (any Error).self) { try run.recipe(override) }
    #expect("\(error!)".contains(words))
  }

  @Test(arguments: ["sync_every=3", "sync_every=null", "outer_lr=0.5", "outer_momentum=0.1", "sync_delay=1"])
  func `a run that would be another one is not gone on with`(change: String) throws {
    let run = try TemporaryRun()
    let cut = try run.train(recipe(run), ranks: 2, out: "cut", stopAt: 3)
    let other = try Recipe(
      yaml: recipe(run).effectiveYAML.split(separator: "\n").filter {
        !change.contains("null") || !$0.contains("outer_") && !$0.contains("sync_delay")
      }.joined(separator: "\n"), path: "r", baseDirectory: "/", overrides: ["distributed.\(change)"])
    let error = #expect(throws: Failure.self) {
      try run.train(other, ranks: 2, out: "cut", resume: .file(cut.checkpoint), overwrite: true)
    }
    #expect(error!.message.contains("can't resume: distributed."))
  }

  /// A rank whose numbers overflow loses its round for all, and parameters are never made of it.
  @Test func `a round that is not finite is dropped by all`() throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, ["train.max_bad_steps=1000", "train.epochs=3", "checkpoint.every_epochs=1"])
    let reports = try spoilt(run, recipe)
    #expect(reports.allSatisfy { $0.parametersSHA256 == reports[0].parametersSHA256 && $0.skippedSteps == 2 })
    #expect(try run.metrics("bad", "skipped").map { $0["step"] as? Int } == [8])
    #expect(try TemporaryRun.parameters(reports[0]).allSatisfy(\.isFinite))
  }
}
