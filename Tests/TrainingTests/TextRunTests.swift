import Collective
import Dataset
import Diagnostics
import Foundation
import Recurrent
import TestSupport
import Testing
import Training

@Suite("Runs on text", .tags(.fast)) struct TextRunTests {
  /// Lines that count, with a letter between.
  static let text = (0..<220).map { "\($0 * 37 % 100) \(["ant", "bee", "cow"][$0 * $0 % 3])\n" }.joined()

  private func recipe(_ run: TemporaryRun, _ overrides: String...) throws -> Recipe {
    try Self.text.write(toFile: run.path + "/text.txt", atomically: true, encoding: .utf8)
    let yaml = """
      name: text
      seed: 7
      data: {format: text, path: text.txt, sequence_length: 12, split: {train: 0.7, validation: 0.1, test: rest}}
      model: {embedding: 9, cell: lstm, hidden_size: 10, num_layers: 2, readout: every_step, head: [{linear: classes}]}
      loss: cross_entropy
      optimizer: {name: adam, lr: 0.01}
      train: {epochs: 2, batch_size: 5, clip_norm: 1}
      """
    return try Recipe(yaml: yaml, path: "text.yaml", baseDirectory: run.path, overrides: overrides)
  }

  @Test func `learn, and measure perplexity and bits`() throws {
    let run = try TemporaryRun()
    let report = try run.train(try recipe(run, "train.epochs=12"), out: "a")
    let test = try #require(report.test)
    // The part's characters but the first.
    let characters = Self.text.utf8.count
    #expect(test.samples == characters - Int(0.7 * Double(characters)) - Int(0.1 * Double(characters)) - 1)
    #expect(
      abs(test.perplexity! - exp(test.loss)) < 1e-9
        && abs(test.bitsPerCharacter! * log(2) - test.loss) < 1e-12)
    #expect(report.epochLosses[11] < 0.8 * report.epochLosses[0])
    // 22 kinds of characters a letter could be.
    #expect(test.perplexity! < 12)
  }

  @Test(arguments: [
    [], ["train.accumulate=2"], ["model.dropout=0.3", "model.embedding_dropout=0.2"],
    ["model.tie_embeddings=true", "model.hidden_size=9", "model.cell=gru"],
  ])
  func `many ranks equal one`(_ overrides: [String]) throws {
    let run = try TemporaryRun()
    let recipe = try Recipe(
      yaml: recipe(run).effectiveYAML, path: "r", baseDirectory: "/", overrides: overrides)
    let one = try run.train(recipe, out: "one")
    for ranks in [2, 3, 7] {
      let many = try run.train(recipe, ranks: ranks, out: "many\(ranks)")
      #expect(try relativeDifference(TemporaryRun.parameters(many), TemporaryRun.parameters(one)) < 2e-6)
      for (a, b) in zip(many.epochLosses, one.epochLosses) { #expect(abs(a - b) < 1e-6 * b) }
    }
  }

  @Test(arguments: [1, 3]) func `stop within an epoch and go on as the same run`(_ ranks: Int) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run)
    let whole = try run.train(recipe, ranks: ranks, out: "whole")
    var report = try run.train(recipe, ranks: ranks, out: "cut", stopAtOnce: true)
    var stops = 0
    while report.status == .interrupted, stops < 7 {
      stops += 1
      report = try run.train(recipe, ranks: ranks, out: "cut", resume: .auto, stopAtOnce: true)
    }
    #expect(stops == 7)
    let file = try CheckpointFile(reading: report.checkpoint)
    #expect(file.tensors.first { $0.name == "carried.hidden" }?.shape == [2, 5, 10])
    // On another number of ranks the sums come in another order; on the same the bits are those of the whole run.
    report = try run.train(recipe, ranks: ranks, out: "cut", resume: .auto)
    #expect(report.parametersSHA256 == whole.parametersSHA256 && report.epochLosses == whole.epochLosses)
    #expect(report.test == whole.test)
  }

  @Test(arguments: [
    ["train.batch_size=11"], ["distributed.lanes=3", "data.sequence_length=40"],
    ["model.tie_embeddings=true", "model.hidden_size=9", "model.cell=gru", "train.batch_size=9"],
  ])
  func `strict runs give the same bits on any number of ranks`(_ overrides: [String]) throws {
    let run = try TemporaryRun()
    let recipe = try Recipe(
      yaml: recipe(run).effectiveYAML, path: "r", baseDirectory: "/",
      overrides: ["distributed.reduction=strict", "model.dropout=0.2"] + overrides)
    let one = try run.train(recipe, out: "one")
    for ranks in [2, 3, 8] {
      let many = try run.train(recipe, ranks: ranks, out: "many\(ranks)")
      #expect(many.parametersSHA256 == one.parametersSHA256, "\(ranks) ranks")
      #expect(many.epochLosses == one.epochLosses)
    }
  }

  @Test func `evaluate to the same bits on any number of ranks`() throws {
    let run = try TemporaryRun()
    let report = try run.train(try recipe(run), out: "a")
    for ranks in [2, 4, 13] {
      let shared = try Threaded.withRanks(ranks) { group in
        let checkpoint = try CheckpointedModel(contentsOf: report.runDirectory)
        let data = try checkpoint.loadData()
        return try Evaluator(
          model: checkpoint.model(for: data.shape), loss: .crossEntropy(), scaler: nil, communicator: group
        ).evaluate(data.test!)
      }
      #expect(shared.allSatisfy { $0 == report.test })
    }
  }

  @Test func `a generator follows the seed`() throws {
    let run = try TemporaryRun()
    let report = try run.train(try recipe(run, "train.epochs=1"), out: "a")
    let checkpoint = try CheckpointedModel(contentsOf: report.checkpoint)
    let vocabulary = try #require(checkpoint.vocabulary)
    let model = try checkpoint.model(for: checkpoint.textShape(vocabulary))
    func text(_ change: (inout TextGenerator.Sampling) -> Void) throws -> String {
      var choice = TextGenerator.Sampling()
      change(&choice)
      let generator = try TextGenerator(model, vocabulary, prompt: "7 be", choice)
      return String(decoding: (0..<60).flatMap { _ in generator.next() }, as: UTF8.self)
    }
    #expect(try text { $0.seed = 1 } == text { $0.seed = 1 })
    #expect(try text { $0.seed = 1 } != text { $0.seed = 2 })
    let likeliest = try text { $0.temperature = 0 }
    #expect(try text { $0.topK = 1 } == likeliest)
    #expect(try text { $0.temperature = 1e-9 } == likeliest)
    let error = #expect(throws: Failure.self) { try TextGenerator(model, vocabulary, prompt: "7 é", .init()) }
    #expect(error?.message.hasPrefix("--prompt, line 1: 'é' is not among") == true)
  }

  @Test(arguments: [
    ("model.embedding=null", "this data has tokens"), ("model.bidirectional=true", "would see the text"),
    ("model.readout=last_step", "every_step"), ("train.batch_size=5000", "can't be 5000 streams"),
    ("model.tie_embeddings=true", "make them equal"), ("loss=mse", "needs numbers"),
  ])
  func `refuse what does not fit`(_ override: String, _ words: String) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, override)
    let error = #expect(throws: Failure.self) { try run.train(recipe, out: "a") }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }
}
