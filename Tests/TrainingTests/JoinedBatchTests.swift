import Collective
import Dataset
import Foundation
import TestSupport
import Testing
import Training

/// W ranks take the steps that one process takes on the joined batch: every loss and weighting, over a hundred steps.
@Suite(.tags(.fast)) struct JoinedBatchTests {
  /// Six batches of 7 in an epoch, the last of 2: with four ranks some have no sample of it.
  private static let always = [
    "train.epochs=17", "train.batch_size=7", "checkpoint.every_epochs=17", "checkpoint.keep_best=0",
  ]
  private static let labels = [
    "data.targets=null", "data.label=d", "model.head=[{linear: 2}]", "checkpoint.metric=train.loss",
  ]
  /// Sequences of one to five rows, with a target for each row.
  private static let perStep = [
    "data.group=g", "data.window=1", "data.horizon=0", "data.per_step=true",
    "data.split={train: 12, validation: 3, test: rest}", "model.readout=every_step", "train.batch_size=5",
    "train.epochs=34", "checkpoint.every_epochs=34",
  ]

  @Test(arguments: [
    ["loss=mse"], ["loss=mae"], ["loss={name: huber, delta: 0.1}"],
    ["loss=bce_with_logits", "data.scale=minmax", "data.fit_scale_on=all"],
    ["loss=cross_entropy"] + labels,
    ["loss={name: cross_entropy, class_weights: [1, 3]}"] + labels,
    ["loss={name: cross_entropy, label_smoothing: 0.1}"] + labels,
    ["loss={name: cross_entropy, ignore_index: 0}"] + labels,
    ["loss=mse"] + perStep, ["loss=mae"] + perStep,
    ["loss={name: cross_entropy, class_weights: [2, 1]}"] + perStep + labels,
    ["loss=mse", "train.batch_size=2", "train.epochs=6", "train.clip_norm=0.1"],
    ["loss=mse", "train.batch_size=1", "train.epochs=3", "optimizer={name: sgd, lr: 0.05, momentum: 0.9}"],
    ["loss=mse", "train.accumulate=3", "model.dropout=0.3", "model.num_layers=2"],
  ])
  func equalsOneProcess(overrides: [String]) throws {
    let run = try TemporaryRun()
    let recipe = try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/", overrides: Self.always + overrides)
    let one = try run.train(recipe, out: "one")
    #expect(one.steps >= 100)
    let expected = try TemporaryRun.parameters(one)
    for ranks in 2...4 {
      let many = try run.train(recipe, ranks: ranks, out: "many\(ranks)")
      #expect(many.steps == one.steps)
      let difference = try relativeDifference(TemporaryRun.parameters(many), expected)
      #expect(difference < 1e-6, "\(ranks) ranks")
      // A loss is a difference of numbers around 1.
      for (a, b) in zip(many.epochLosses, one.epochLosses) { #expect(abs(a - b) < 1e-6 * max(b, 0.1)) }
      #expect(abs(many.test!.loss - one.test!.loss) < 1e-6 * max(one.test!.loss, 0.1))
      #expect(many.test!.samples == one.test!.samples && many.test!.accuracy == one.test!.accuracy)
    }
  }

  /// Large enough to be summed layer by layer beside backward; batches that leave some ranks without samples.
  @Test func aLargeModelTrainsTheSame() throws {
    let run = try TemporaryRun()
    let recipe = try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/",
      overrides: [
        "model.hidden_size=160", "model.num_layers=2", "model.bidirectional=true", "train.batch_size=3",
        "train.epochs=2",
      ])
    let one = try run.train(recipe, out: "one")
    #expect(one.parameters > GradientReduction.leastOverlapped && one.steps == 26)
    for ranks in [2, 3, 4] {
      let many = try run.train(recipe, ranks: ranks, out: "many\(ranks)")
      #expect(try relativeDifference(TemporaryRun.parameters(many), TemporaryRun.parameters(one)) < 1e-6)
      let lines = try run.metrics("many\(ranks)", "reduction")
      #expect(lines.count == 1 && lines[0]["step"] as? Int == 12)
      #expect((lines[0]["one_message_milliseconds"] as? Double) ?? 0 > 0)
      #expect((lines[0]["overlapped_milliseconds"] as? Double) ?? 0 > 0)
      #expect([1, 2].contains(lines[0]["messages"] as? Int))
    }
  }

  /// Gradients, sums of loss and weight, the wish to stop and everybody's times.
  @Test(arguments: [
    [], ["train.clip_norm=0.1", "train.accumulate=2"], ["model.dropout=0.2", "train.batch_size=2"],
  ])
  func aStepIsOneMessage(overrides: [String]) throws {
    let run = try TemporaryRun()
    let recipe = try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/",
      overrides: ["train.epochs=3", "distributed.replica_check_every=0"] + overrides)
    let calls = try Threaded.withRanks(3) { group in
      let counted = ObservedGroup(group)
      var options = TrainingOptions()
      options.outputDirectory = run.path + "/run"
      let trainer = try Trainer(
        recipe: recipe, data: LoadedData(recipe.data), options: options, communicator: counted)
      var calls: [Int] = []
      trainer.faults = { _, _ in calls.append(counted.calls) }
      _ = try trainer.run()
      return calls
    }
    let steps = (37 + recipe.train.batchSize - 1) / recipe.train.batchSize
    for calls in calls {
      #expect(calls.count == 3 * steps)
      for epoch in 0..<3 {
        let own = calls[epoch * steps..<(epoch + 1) * steps]
        #expect(zip(own, own.dropFirst()).allSatisfy { $1 - $0 == 1 }, "\(own)")
      }
    }
  }
}
