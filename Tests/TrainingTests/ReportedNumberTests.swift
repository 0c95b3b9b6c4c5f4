import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// What is logged and told is what was used.
@Suite(.tags(.fast)) struct ReportedNumberTests {
  private func rates(_ lines: [[String: Any]]) -> [Double?] { lines.map { $0["learning_rate"] as? Double } }

  /// Epochs of 5 steps: an epoch's line has the rate of its last one.
  @Test func theRateIsThatOfTheStep() throws {
    let run = try TemporaryRun()
    let notes = Notes()
    let recipe = try run.recipe(
      "schedule={name: step, step_size: 2, gamma: 0.1, warmup_steps: 1000}", "train.log_every_steps=1")
    let report = try run.train(recipe, out: "run", observer: notes)
    let expected = (1...20).map { Double($0) / 1000 * (0.01 * ($0 > 10 ? 0.1 : 1)) }
    for (rate, expected) in zip(rates(try run.metrics("run", "step")), expected) {
      #expect(abs(try #require(rate) - expected) < 1e-12)
    }
    let epochs = rates(try run.metrics("run", "epoch"))
    #expect(epochs.count == 4)
    for (rate, expected) in zip(epochs, [4, 9, 14, 19].map { expected[$0] }) {
      #expect(abs(try #require(rate) - expected) < 1e-12)
    }
    #expect(notes.lines.contains { $0.contains("warm-up of 1000 steps is longer than the run of 20") })
    #expect(report.steps == 20)
    // Saved after its last step, an epoch's end comes with the resumed run.
    let cut = try run.train(recipe, out: "cut", stopAt: 9)
    #expect(cut.steps == 10)
    _ = try run.train(recipe, out: "cut", resume: .auto)
    #expect(rates(try run.metrics("cut", "epoch")) == epochs)
  }

  /// PyTorch's threshold is a share of best, which means the opposite where best is negative; here of |best|.
  @Test(arguments: [(MetricName.Quantity.r2, -0.5), (.r2, 0.5), (.loss, -0.5), (.loss, 0.5)])
  func aPlateausThresholdIsAShareOfTheMagnitude(quantity: MetricName.Quantity, best: Double) {
    let metric = MetricName(.validation, quantity)
    func isBetter(by change: Double) -> Bool {
      let rule = ScheduleSpecification.Rule.plateau(
        factor: 0.5, patience: 0, threshold: 0.1, metric: metric)
      var schedule = Schedule(ScheduleSpecification(rule), baseRate: 1, epochs: 9)
      schedule.epochEnded(value: best)
      schedule.epochEnded(value: best + (metric.increases ? change : -change) * abs(best))
      return schedule.state.best != best
    }
    #expect(isBetter(by: 0.11) && !isBetter(by: 0.09) && !isBetter(by: 0) && !isBetter(by: -0.11))
  }

  /// All classes are the one that is not counted.
  @Test(arguments: [1, 3]) func stepsWithoutASampleThatCountsAreCounted(ranks: Int) throws {
    let run = try TemporaryRun()
    let classes = """
      name: none
      data: {format: csv, path: series.csv, features: [a, b], label: d, window: 4, split: {train: 37, test: rest}}
      model: {cell: gru, hidden_size: 3, readout: last_step, head: [{linear: classes}]}
      loss: {name: cross_entropy, class_weights: [0, 0]}
      train: {epochs: 4, batch_size: 8, max_bad_steps: 7}
      """
    func failure(_ overrides: String...) throws -> Failure? {
      let recipe = try Recipe(
        yaml: classes, path: "none.yaml", baseDirectory: run.path, overrides: overrides)
      do { _ = try run.train(recipe, ranks: ranks, out: "run", overwrite: true) } catch {
        return error as? Failure
      }
      return nil
    }
    let many = try failure()
    #expect(many?.kind == .badData, "\(String(describing: many))")
    #expect(
      many?.message.contains(
        "7 steps in a row were not taken: 7 steps had no sample that counts (the last was step 7)") == true)
    #expect(many?.message.contains("finite") == false)
    let all = try failure("train.max_bad_steps=1000")
    #expect(all?.kind == .badData && all!.message.contains("no step was taken: 20 steps had no sample"))
  }

  @Test func samplesThatNoPartHasAreTold() throws {
    let run = try TemporaryRun()
    let data = try LoadedDataCount(run.recipe("data.split={train: 30, validation: 5, test: 6}"))
    #expect(data.unused == data.all - 41 && data.unused > 0)
    #expect(try LoadedDataCount(run.recipe()).unused == 0)
  }

  @Test func targetsThatTheLossCanNotUseAreRefusedByTheirPlace() throws {
    let run = try TemporaryRun()
    let lines = (0..<30).map { "\($0),\($0 == 20 ? "1.5" : $0 % 2 == 0 ? "0" : "1")" }
    try (["x,y"] + lines).joined(separator: "\n").write(
      toFile: run.path + "/bits.csv", atomically: true, encoding: .utf8)
    let yaml = """
      name: bits
      data: {format: csv, path: bits.csv, features: [x], targets: [y], window: 2, split: {train: 10, test: rest}}
      model: {cell: gru, hidden_size: 3, readout: last_step, head: [{linear: 1}]}
      loss: bce_with_logits
      train: {epochs: 1, batch_size: 8}
      """
    func failure(_ overrides: String...) throws -> Failure? {
      let recipe = try Recipe(yaml: yaml, path: "bits.yaml", baseDirectory: run.path, overrides: overrides)
      do { _ = try run.train(recipe, out: "bits", overwrite: true) } catch { return error as? Failure }
      return nil
    }
    let refused = try #require(try failure())
    #expect(refused.kind == .badData && refused.message.contains("bits.csv, line 22"), "\(refused)")
    #expect(refused.message.contains("1.5, outside of 0 to 1"))
    #expect(try failure("loss=mse") == nil)
    // What is no target of any sample may be anything.
    #expect(try failure("data.split={train: 10, test: 5}") == nil)
  }
}

/// Samples of a recipe's data, and those that no part has.
private struct LoadedDataCount {
  let all: Int
  let unused: Int

  init(_ recipe: Recipe) throws {
    let data = try LoadedData(recipe.data)
    unused = data.unused
    all = unused + [data.train, data.validation, data.test].reduce(0) { $0 + ($1?.count ?? 0) }
  }
}
