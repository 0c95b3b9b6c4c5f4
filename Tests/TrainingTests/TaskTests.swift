import Foundation
import TestSupport
import Testing
import Training

/// Strict runs and resuming for every kind of task: neither the number of ranks, nor who evaluates and writes, nor a stop changes a bit.
@Suite(.tags(.fast)) struct TaskTests {
  struct Task: Sendable, CustomTestStringConvertible {
    var name: String
    var data: String
    var model: String
    var loss = "mse"
    /// The data file, where it is not the series.
    var file: (name: String, text: String)?
    var testDescription: String { name }
  }

  static let tasks = [
    Task(
      name: "text",
      data:
        "{format: text, path: t.txt, sequence_length: 9, split: {train: 0.5, validation: 0.1, test: 0.1}}",
      model:
        "{embedding: 6, embedding_dropout: 0.1, cell: lstm, hidden_size: 8, num_layers: 2, dropout: 0.2, readout: every_step, head: [{linear: classes}]}",
      loss: "cross_entropy", file: ("t.txt", TextRunTests.text)),
    Task(
      name: "tied words",
      data:
        "{format: text, tokens: word, path: t.txt, sequence_length: 5, split: {train: 0.7, validation: 0.1, test: rest}}",
      model:
        "{embedding: 8, tie_embeddings: true, cell: gru, hidden_size: 8, layer_norm: true, readout: every_step, head: [{linear: classes}]}",
      loss: "cross_entropy", file: ("t.txt", TextRunTests.text)),
    Task(
      name: "pairs",
      data:
        "{format: pairs, path: p.tsv, target_tokens: word, split: {train: 0.6, validation: 0.1, test: rest}}",
      model:
        "{embedding: 6, cell: lstm, hidden_size: 8, bidirectional: true, decoder: {embedding: 6, attention: general, beam: 2}, head: [{dropout: 0.2}, {linear: classes}]}",
      loss: "cross_entropy", file: ("p.tsv", PairRunTests.pairs)),
    Task(
      name: "tagged",
      data: "{format: tagged, path: s.txt, min_count: 2, split: {train: 0.6, validation: 0.2, test: rest}}",
      model:
        "{embedding: 6, cell: gru, hidden_size: 8, bidirectional: true, recurrent_dropout: 0.2, readout: every_step, head: [{linear: classes}]}",
      loss: "cross_entropy", file: ("s.txt", sentences)),
    Task(
      name: "grouped",
      data:
        "{format: csv, path: series.csv, features: [a, b], label: d, group: g, split: {train: 12, validation: 3, test: rest}}",
      model:
        "{cell: lstm, hidden_size: 6, bidirectional: true, zoneout: 0.1, readout: final_state, head: [{linear: classes}]}",
      loss: "cross_entropy"),
    Task(
      name: "horizons",
      data:
        "{format: csv, path: series.csv, features: [a, b, c], targets: [c, a], scale: standard, window: 4, horizon: [1, 3], split: {train: 35, validation: 8, test: rest}}",
      model: "{cell: lstm, hidden_size: 9, proj_size: 5, readout: last_step, head: [{linear: 6}]}"),
    Task(
      name: "a target for each step",
      data:
        "{format: csv, path: series.csv, features: [a, b], targets: [c], group: g, per_step: true, split: {train: 12, validation: 3, test: rest}}",
      model:
        "{cell: rnn, hidden_size: 6, learned_initial_state: true, readout: every_step, head: [{linear: 1}]}"),
    Task(
      name: "quantiles of weighted rows with gaps, scaled by series",
      data:
        "{format: csv, path: gaps.csv, features: [x, y], targets: [y, x], series: r, time: t, scale: standard, scale_per: series, weight: w, gaps: mask, window: 3, horizon: 1, split: {train: 0.6, validation: 0.2, test: rest}}",
      model: "{cell: lstm, hidden_size: 6, readout: last_step, head: [{linear: targets}]}",
      loss: "{name: quantile, levels: [0.2, 0.5, 0.7]}", file: ("gaps.csv", gaps)),
    Task(
      name: "a distribution of each step, with gaps",
      data:
        "{format: csv, path: gaps.csv, features: [x], targets: [y], weight: w, gaps: mask, group: s, per_step: true, split: {train: 8, validation: 2, test: rest}}",
      model: "{cell: gru, hidden_size: 6, readout: every_step, head: [{linear: targets}]}", loss: "student_t",
      file: ("gaps.csv", gaps)),
    Task(
      name: "counts with gaps at several horizons",
      data:
        "{format: csv, path: gaps.csv, features: [x, n], targets: [n], series: r, time: t, scale: minmax, gaps: mask, window: 2, horizon: [1, 2], split: {train: 0.6, validation: 0.2, test: rest}}",
      model: "{cell: gru, hidden_size: 6, readout: last_step, head: [{linear: targets}]}",
      loss: "negative_binomial", file: ("gaps.csv", gaps)),
    Task(
      name: "weighted labels, of which some are missing",
      data:
        "{format: csv, path: gaps.csv, features: [x, y], label: k, series: r, time: t, weight: w, gaps: mask, window: 3, split: {train: 0.6, validation: 0.2, test: rest}}",
      model: "{cell: rnn, hidden_size: 6, readout: last_step, head: [{linear: classes}]}",
      loss: "cross_entropy", file: ("gaps.csv", gaps)),
  ]

  /// Twelve series of seven rows, or six of fourteen; here and there numbers and labels are missing.
  private static let gaps: String =
    "s,r,t,x,y,n,k,w\n"
    + (0..<84).map { i in
      func known(_ every: Int, _ text: String) -> String { i % every == 3 ? "NA" : text }
      let (x, y) = (sin(0.3 * Double(i)), cos(0.17 * Double(i)))
      return
        "\(i / 7),long \(i / 14),\(i),\(known(7, "\(x)")),\(known(5, "\(y)")),\(known(11, "\(i * i % 9)")),"
        + "\(known(6, x > y ? "up" : "down")),\(Double(i % 4) / 2)\n"
    }.joined()

  /// Three kinds of words, of which one takes its tag from the word before.
  private static let sentences: String = (0..<70).map { i in
    (0...(i * 7 % 6)).map { j in
      let word = ["the", "a", "dog", "cat", "saw", "x\(i)"][(i * 5 + j * (2 + i % 3)) % 6]
      return "\(word)\t\(word.count == 3 ? (j % 2 == 0 ? "N" : "V") : "D")\n"
    }.joined() + "\n"
  }.joined()

  private func recipe(_ run: TemporaryRun, _ task: Task, _ overrides: [String] = []) throws -> Recipe {
    if let file = task.file {
      try file.text.write(toFile: "\(run.path)/\(file.name)", atomically: true, encoding: .utf8)
    }
    let yaml = """
      name: task
      seed: 3
      data: \(task.data)
      model: \(task.model)
      loss: \(task.loss)
      optimizer: {name: adam, lr: 0.01}
      train: {epochs: 3, batch_size: 6, clip_norm: 1, ema: 0.9}
      distributed: {reduction: strict, lanes: 3}
      """
    return try Recipe(yaml: yaml, path: "task.yaml", baseDirectory: run.path, overrides: overrides)
  }

  @Test(arguments: tasks) func `have the same bits on any number of ranks`(_ task: Task) throws {
    let run = try TemporaryRun()
    let one = try run.train(recipe(run, task), out: "one")
    #expect(one.test != nil && one.validation != nil && one.epochLosses.count == 3)
    for ranks in 2...4 {
      for coordinator in ["shared", "dedicated"] {
        let many = try run.train(
          recipe(run, task, ["distributed.coordinator=\(coordinator)"]), ranks: ranks,
          out: "\(coordinator)\(ranks)")
        #expect(many.parametersSHA256 == one.parametersSHA256, "\(ranks) ranks, \(coordinator)")
        #expect(many.epochLosses == one.epochLosses, "\(ranks) ranks, \(coordinator)")
        #expect(many.validation == one.validation && many.test == one.test, "\(ranks) ranks, \(coordinator)")
      }
    }
  }

  /// Stopped within an epoch on one number of ranks, it goes on with another.
  @Test(arguments: tasks) func `go on after a stop as if there had been none`(_ task: Task) throws {
    let run = try TemporaryRun()
    let whole = try run.train(recipe(run, task), out: "whole")
    let perEpoch = whole.steps / 3
    for (index, step) in [1, perEpoch / 2, perEpoch + 1, 2 * perEpoch].enumerated() {
      let cut = try run.train(
        recipe(run, task), ranks: index % 3 + 1, out: "cut", overwrite: true, stopAt: step)
      #expect(cut.status == .interrupted)
      let ended = try run.train(
        recipe(run, task), ranks: (index + 1) % 3 + 1, out: "cut", resume: .auto)
      #expect(ended.parametersSHA256 == whole.parametersSHA256, "stopped at \(step)")
      #expect(ended.epochLosses == whole.epochLosses && ended.test == whole.test, "stopped at \(step)")
    }
  }
}
