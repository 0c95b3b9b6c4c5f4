import Collective
import Dataset
import Diagnostics
import Foundation
import Recurrent
import TestSupport
import Testing
import Training

@Suite(.tags(.fast)) struct TrainerTests {
  /// The split in sequences rather than windows.
  private static let groups = [
    "data.split={train: 12, validation: 3, test: rest}", "model.readout=final_state",
  ]

  @Test(arguments: [
    ("{reduction: fast}", 11, "3 of 11 ranks that train have no sample of any batch: a batch has 8 samples"),
    (
      "{reduction: strict, lanes: 4}", 6,
      "2 of 6 ranks that train have no sample of any batch: distributed.lanes is 4"
    ),
    (
      "{coordinator: dedicated}", 10,
      "1 of 9 ranks that train have no sample of any batch: a batch has 8 samples"
    ),
    ("{reduction: fast}", 8, nil), ("{coordinator: dedicated}", 9, nil),
  ])
  func ranksWithoutSamplesAreSaid(distributed: String, ranks: Int, remark: String?) throws {
    let run = try TemporaryRun()
    let notes = Notes()
    _ = try run.train(
      run.recipe("train.epochs=1", "distributed=\(distributed)"), ranks: ranks, out: "run", observer: notes)
    let said = notes.lines.filter { $0.contains("no sample of any batch") }
    #expect(
      said.count == (remark == nil ? 0 : 1) && said.allSatisfy { $0.hasPrefix(remark ?? "-") }, "\(said)")
  }

  @Test func learnsAndReports() throws {
    let run = try TemporaryRun()
    let report = try run.train(try run.recipe("train.epochs=60"), out: "a")
    #expect(report.status == .completed)
    #expect(report.epochs == 60 && report.steps == 60 * 5 && report.epochLosses.count == 60)
    #expect(report.trainLoss == report.epochLosses.last)
    #expect(report.epochLosses[59] < 0.2 * report.epochLosses[0])
    #expect(report.parameters == 4 * 5 * (2 + 5 + 2) + 6)
    #expect(report.validation?.samples == 8 && report.test?.samples == 11)
    #expect(report.checkpoint.hasSuffix("/a/checkpoints/step-00000300.safetensors"))
    #expect(report.parametersSHA256.count == 64)
    #expect(
      report.stepMilliseconds.median > 0 && report.stepMilliseconds.p95 >= report.stepMilliseconds.median)
    let lines = try String(contentsOfFile: run.path + "/a/metrics.jsonl", encoding: .utf8).split(
      separator: "\n")
    #expect(lines.count == 61)
    for line in lines {
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    }
  }

  @Test(arguments: [
    ([], 1e-6), (["train.batch_size=3"], 1e-6), (["train.batch_size=37", "train.clip_norm=0.01"], 1e-6),
    (
      [
        "data.group=g", "data.window=1", "data.horizon=0", "model.bidirectional=true",
        "train.bucket_batches=2",
      ] + groups, 1e-6
    ),
    (["loss={name: huber, delta: 0.1}", "optimizer=sgd"], 1e-6),
    (["model.num_layers=2", "model.dropout=0.4"], 1e-6),
    (
      [
        "data.targets=null", "data.label=d", "loss={name: cross_entropy, class_weights: [1, 3]}",
        "model.head=[{linear: 2}]",
      ], 1e-6
    ),
  ])
  func manyRanksEqualOne(overrides: [String], tolerance: Double) throws {
    let run = try TemporaryRun()
    let recipe = try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/", overrides: overrides)
    let one = try run.train(recipe, out: "one")
    for ranks in 2...4 {
      let many = try run.train(recipe, ranks: ranks, out: "many\(ranks)")
      #expect(try relativeDifference(TemporaryRun.parameters(many), TemporaryRun.parameters(one)) < tolerance)
      for (a, b) in zip(many.epochLosses, one.epochLosses) { #expect(abs(a - b) < 1e-6 * b) }
      #expect(abs(many.test!.loss - one.test!.loss) < 1e-6 * one.test!.loss)
      #expect(many.test!.accuracy == one.test!.accuracy)
    }
  }

  @Test func accumulationEqualsTheBigBatch() throws {
    let run = try TemporaryRun()
    let whole = try run.train(try run.recipe(), out: "whole")
    for parts in ["2", "3", "50"] {
      let cut = try run.train(try run.recipe("train.accumulate=\(parts)"), out: "cut\(parts)")
      #expect(try relativeDifference(TemporaryRun.parameters(cut), TemporaryRun.parameters(whole)) < 1e-6)
    }
  }

  @Test func stopsTogetherAndResumesAsTheSameRun() throws {
    let run = try TemporaryRun()
    let schedule = "schedule={name: plateau, patience: 0, warmup_steps: 7}"
    let recipe = try run.recipe(
      schedule, "model.num_layers=2", "model.dropout=0.2", "early_stopping.patience=9")
    for ranks in [1, 2] {
      let whole = try run.train(recipe, ranks: ranks, out: "whole\(ranks)")
      var report = try run.train(recipe, ranks: ranks, out: "cut\(ranks)", stopAtOnce: true)
      var stops = 0
      while report.status == .interrupted {
        stops += 1
        #expect(report.steps == stops)
        report = try run.train(recipe, ranks: ranks, out: "cut\(ranks)", resume: .auto, stopAtOnce: true)
      }
      #expect(stops == 4 * 5 - 1)
      #expect(report.parametersSHA256 == whole.parametersSHA256)
      #expect(report.epochLosses == whole.epochLosses)
      #expect(report.test == whole.test)
      let lines = try String(contentsOfFile: run.path + "/cut\(ranks)/metrics.jsonl", encoding: .utf8)
      #expect(lines.split(separator: "\n").filter { $0.contains("\"epoch\",") }.count == 4)
    }
  }

  @Test func evaluatingTheCheckpointGivesTheReportsBits() throws {
    let run = try TemporaryRun(rows: 500)
    let report = try run.train(try run.recipe("train.epochs=2"), out: "a")
    let checkpoint = try CheckpointedModel(contentsOf: report.runDirectory)
    let data = try checkpoint.loadData()
    let model = try checkpoint.model(for: data.shape)
    let evaluator = Evaluator(model: model, loss: checkpoint.recipe.loss, scaler: data.scaler)
    #expect(try evaluator.evaluate(data.test!) == report.test)
    let shared = try Threaded.withRanks(3) { group in
      let checkpoint = try CheckpointedModel(contentsOf: report.runDirectory)
      let data = try checkpoint.loadData()
      let model = try checkpoint.model(for: data.shape)
      return try Evaluator(model: model, loss: .mse, scaler: data.scaler, communicator: group)
        .evaluate(data.test!)
    }
    #expect(shared.allSatisfy { $0 == report.test })
    try checkSums(evaluator, data, report.test!)
  }

  /// The metrics once more, from the predictions one by one.
  private func checkSums(_ evaluator: Evaluator, _ data: LoadedData, _ metrics: EvaluationMetrics) throws {
    let test = data.test!
    var outputs: [Float] = []
    try evaluator.predict(test) { batch in
      #expect(batch.samples.lowerBound == outputs.count && batch.outputs.count == batch.samples.count)
      outputs += batch.outputs
    }
    #expect(outputs.count == test.count)
    var (absolute, squared, original) = (0.0, 0.0, 0.0)
    for index in 0..<test.count {
      let value = test.arrays([Int32(index)]).values
      absolute += abs(Double(outputs[index]) - Double(value[0]))
      squared += (Double(outputs[index]) - Double(value[0])) * (Double(outputs[index]) - Double(value[0]))
      let column = data.scaler!.targets[0]
      original += abs(data.scaler!.unscale(outputs[index], column) - data.scaler!.unscale(value[0], column))
    }
    let count = Double(test.count)
    #expect(abs(metrics.mae! - absolute / count) < 1e-12)
    #expect(abs(metrics.rmse! - (squared / count).squareRoot()) < 1e-12)
    #expect(abs(metrics.loss - squared / count) < 1e-6 * metrics.loss)
    #expect(abs(metrics.originalUnits!.mae - original / count) < 1e-9)
  }
}

@Suite(.tags(.fast)) struct TrainerDecisionTests {
  @Test func earlyStoppingEndsTheRun() throws {
    let run = try TemporaryRun()
    let recipe = try run.recipe("optimizer.lr=0", "early_stopping.patience=3", "train.epochs=50")
    let report = try run.train(recipe, out: "a")
    #expect(report.status == .earlyStopped)
    #expect(report.epochs == 4)
  }

  @Test(arguments: [1, 3])
  func stepsThatAreNotFiniteAreSkippedThenEndTheRun(ranks: Int) throws {
    let run = try TemporaryRun()
    let recipe = try run.recipe(
      "model={cell: rnn, nonlinearity: relu, hidden_size: 4, num_layers: 3, head: [{linear: 1}]}",
      "optimizer={name: sgd, lr: 1.0e+30}", "train.max_bad_steps=3", "train.epochs=50")
    let error = #expect(throws: Failure.self) { try run.train(recipe, ranks: ranks, out: "a\(ranks)") }
    #expect(error?.kind == .badData)
    #expect(error?.message.contains("3 steps in a row") == true, "\(error?.message ?? "")")
    let lines = try String(contentsOfFile: run.path + "/a\(ranks)/metrics.jsonl", encoding: .utf8)
    #expect(lines.split(separator: "\n").filter { $0.contains("\"event\":\"skipped\"") }.count == 3)
  }

  @Test func aRunIsNotOverwrittenUnasked() throws {
    let run = try TemporaryRun()
    _ = try run.train(try run.recipe(), out: "a")
    let error = #expect(throws: Failure.self) { try run.train(try run.recipe(), out: "a") }
    #expect(error?.kind == .usage)
  }

  @Test func anotherRecipeIsNotResumed() throws {
    let run = try TemporaryRun()
    _ = try run.train(try run.recipe(), out: "a", stopAtOnce: true)
    let other = try run.recipe("optimizer.lr=0.5")
    let error = #expect(throws: Failure.self) { try run.train(other, out: "a", resume: .auto) }
    #expect(error?.message.contains("optimizer.lr: 0.5") == true, "\(error?.message ?? "")")
    let longer = try run.train(try run.recipe("train.epochs=6"), out: "a", resume: .auto)
    #expect(longer.epochs == 6)
  }

  @Test(arguments: [
    ("early_stopping.patience=3", "early_stopping.metric: validation.loss needs a validation part"),
    ("schedule=plateau", "schedule.metric: validation.loss needs a validation part"),
    ("checkpoint.metric=train.accuracy", "checkpoint.metric: loss mse has no accuracy"),
    ("data.split.train=0", "training samples"),
  ])
  func refusesWhatCannotBeDecided(override: String, words: String) throws {
    let run = try TemporaryRun()
    let recipe = try run.recipe("data.split.validation=null", override)
    let error = #expect(throws: Failure.self) { try run.train(recipe, out: "a") }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }
}
