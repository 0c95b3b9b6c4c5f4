import Collective
import Dataset
import Diagnostics
import Foundation
import Recurrent
import TestSupport
import Testing
import Training

@Suite("Runs on pairs", .tags(.fast)) struct PairRunTests {
  /// Words of three letters, said backwards with every letter twice where it is a vowel.
  static let pairs: String = (0..<160).map { i in
    let letters = Array("abcdeio")
    let word = (0...(i % 4)).map { letters[(i * 5 + $0 * (3 + i % 5)) % 7] }
    let said = word.reversed().flatMap { "aeio".contains($0) ? ["\($0)", "\($0)"] : ["\($0)"] }
    return "\(String(word))\t\(said.joined(separator: " "))\n"
  }.joined()

  private func recipe(_ run: TemporaryRun, _ overrides: [String] = []) throws -> Recipe {
    try Self.pairs.write(toFile: run.path + "/pairs.tsv", atomically: true, encoding: .utf8)
    let yaml = """
      name: pairs
      seed: 7
      data:
        {format: pairs, path: pairs.tsv, tokens: char, target_tokens: word, split: {train: 0.8, validation: 0.1, test: rest}}
      model: {embedding: 10, cell: gru, hidden_size: 16, bidirectional: true, decoder: {embedding: 10, attention: general, beam: 2},
        head: [{linear: classes}]}
      loss: cross_entropy
      optimizer: {name: adam, lr: 0.02}
      train: {epochs: 3, batch_size: 16}
      """
    return try Recipe(yaml: yaml, path: "pairs.yaml", baseDirectory: run.path, overrides: overrides)
  }

  @Test func `learn to write the target`() throws {
    let run = try TemporaryRun()
    let report = try run.train(try recipe(run, ["train.epochs=30"]), out: "a")
    let test = try #require(report.test)
    #expect(test.sequenceAccuracy! > 0.8 && test.errorRate! < 0.1, "\(test)")
    #expect(test.samples == 16 && test.perplexity == nil)
  }

  @Test(arguments: [
    [], ["train.accumulate=3", "train.bucket_batches=3"],
    ["model.dropout=0.3", "model.num_layers=2", "model.embedding_dropout=0.2", "model.cell=lstm"],
    ["model.decoder.attention=none", "model.bidirectional=false"],
  ])
  func `many ranks equal one`(_ overrides: [String]) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, overrides)
    let one = try run.train(recipe, out: "one")
    for ranks in [2, 3] {
      let many = try run.train(recipe, ranks: ranks, out: "many\(ranks)")
      #expect(try relativeDifference(TemporaryRun.parameters(many), TemporaryRun.parameters(one)) < 5e-6)
      for (a, b) in zip(many.epochLosses, one.epochLosses) { #expect(abs(a - b) < 1e-5 * b) }
    }
  }

  @Test func `strict runs give the same bits on any number of ranks`() throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, ["distributed={reduction: strict, lanes: 5}", "model.dropout=0.2"])
    let one = try run.train(recipe, out: "one")
    for ranks in [2, 3, 7] {
      let many = try run.train(recipe, ranks: ranks, out: "many\(ranks)")
      #expect(many.parametersSHA256 == one.parametersSHA256, "\(ranks) ranks")
      #expect(many.epochLosses == one.epochLosses)
    }
  }

  @Test func `evaluate to the same bits on any number of ranks, and resume`() throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, ["model.dropout=0.1"])
    let whole = try run.train(recipe, out: "whole")
    var cut = try run.train(recipe, out: "cut", stopAtOnce: true)
    #expect(cut.status == .interrupted)
    cut = try run.train(recipe, out: "cut", resume: .auto)
    #expect(cut.parametersSHA256 == whole.parametersSHA256 && cut.test == whole.test)
    let shared = try Threaded.withRanks(3) { group in
      let checkpoint = try CheckpointedModel(contentsOf: whole.runDirectory)
      let data = try checkpoint.loadData()
      #expect(data.vocabulary == ["a", "b", "c", "d", "e", "i", "o"])
      return try Evaluator(
        model: checkpoint.model(for: data.shape), loss: .crossEntropy(), scaler: nil, communicator: group,
        beam: 2
      ).evaluate(data.test!)
    }
    #expect(shared.allSatisfy { $0 == whole.test })
  }

  @Test(arguments: [
    ("model.decoder=null", "pairs need a model.decoder"), ("model.embedding=null", "this data has tokens"),
    ("model.tie_embeddings=true", "not for an encoder-decoder"), ("loss=mse", "needs numbers"),
    ("checkpoint.metric=validation.perplexity", "perplexity is not measured on pairs data"),
  ])
  func `refuse what does not fit`(_ override: String, _ words: String) throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, [override])
    let error = #expect(throws: Failure.self) { try run.train(recipe, out: "a") }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test func `of several right targets the nearest counts, and a source counts once`() throws {
    let run = try TemporaryRun()
    let recipe = try recipe(run, ["train.epochs=20", "checkpoint.metric=validation.error_rate"])
    let checkpoint = try CheckpointedModel(contentsOf: run.train(recipe, out: "a").checkpoint)
    let evaluator = Evaluator(
      model: try checkpoint.model(for: checkpoint.loadData().shape), loss: .crossEntropy(), scaler: nil)
    func load(_ lines: [String]) throws -> LoadedData {
      try lines.joined().write(toFile: run.path + "/answers.tsv", atomically: true, encoding: .utf8)
      var answers = DataSpecification(format: .pairs, path: run.path + "/answers.tsv")
      answers.targetTokens = .word
      return try checkpoint.loadData(answers)
    }
    let sources = ["abc", "dei", "oba"]
    let wrong = sources.map { "\($0)\tb b b b b b\n" }
    let data = try load(wrong)
    var right: [String] = []
    let pairs = try #require(data.train?.pairs)
    try evaluator.translate(pairs) { sample, found in
      right.append("\(sources[sample])\t\(found.map { data.classNames[Int($0)] }.joined(separator: " "))\n")
    }
    // Where what was found stands among the others, nothing is wrong.
    let both = try evaluator.evaluate(load(wrong + right).train!)
    #expect(both.errorRate == 0 && both.sequenceAccuracy == 1 && both.samples == 6)
    let some = try evaluator.evaluate(load([wrong[0], right[1], wrong[2], right[2]]).train!)
    #expect(some.sequenceAccuracy == 2.0 / 3 && some.errorRate! > 0 && some.errorRate! < 1)
  }

  @Test func `edits are counted as Levenshtein did`() {
    func distance(_ a: String, _ b: String) -> Int {
      levenshteinDistance(a.unicodeScalars.map { Int32($0.value) }, b.unicodeScalars.map { Int32($0.value) })
    }
    #expect(distance("kitten", "sitting") == 3 && distance("", "abc") == 3 && distance("abc", "") == 3)
    #expect(distance("flaw", "lawn") == 2 && distance("same", "same") == 0 && distance("ab", "ba") == 2)
  }
}
