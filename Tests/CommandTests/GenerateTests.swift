import Foundation
import TestSupport
import Testing

/// train on text → generate, inspect, evaluate.
@Suite(.tags(.mpi)) struct GenerateTests {
  private func trained(_ settings: String...) throws -> Folder {
    let folder = try Folder()
    try folder.write("text.txt", String(repeating: "one two\nthree two one\n", count: 60))
    try folder.write(
      "words.yaml",
      """
      data: {format: text, path: text.txt, tokens: word, sequence_length: 8, split: {train: 0.9, test: rest}}
      model: {embedding: 6, cell: gru, hidden_size: 6, readout: every_step, tie_embeddings: true, head: [{linear: classes}]}
      loss: cross_entropy
      optimizer: {name: adam, lr: 0.02}
      train: {epochs: 20, batch_size: 4}
      """)
    let outcome = try Command.run(
      arguments: ["train", "words.yaml", "--out", "run"] + settings.flatMap { ["--set", $0] }, in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    #expect(outcome.out.contains("embedding 6 (tied)") && outcome.out.contains("perplexity"))
    return folder
  }

  @Test func goesOnWithThePrompt() throws {
    let folder = try trained()
    let plain = try Command.run(
      "generate", "run", "--prompt", "three", "--length", "40", "--seed", "5", in: folder.url)
    #expect(plain.status == 0, "\(plain.err)")
    #expect(plain.out.hasPrefix("three ") && plain.out.hasSuffix("\n") && plain.err.isEmpty)
    let words = Set(plain.out.split(whereSeparator: \.isWhitespace).map(String.init))
    #expect(words == ["one", "two", "three"])
    let json = try Command.run(
      "generate", "run", "--prompt", "three", "--length", "40", "--seed", "5", "--json", in: folder.url)
    let report = try json.json()
    #expect(report["command"] as? String == "generate" && report["seed"] as? Int == 5)
    #expect((report["text"] as? String).map { $0 + "\n" } == plain.out && json.err == plain.out)
    let certain = try Command.run(
      "generate", "run", "--prompt", "three", "--length", "9", "--temperature", "0", in: folder.url)
    #expect(certain.out == "three two one\none two\nthree two one\n", "it has learned the two lines")
  }

  @Test func saysWhatItCannotDo() throws {
    let folder = try trained("train.epochs=1")
    func fails(_ arguments: [String], _ words: String) throws {
      let outcome = try Command.run(arguments: arguments, in: folder.url)
      #expect(outcome.status == 64 && outcome.err.contains(words), "\(outcome.err)")
    }
    try fails(
      ["generate", "run", "--prompt", "four"], "--prompt, line 1: 'four' is not among the 4 known tokens")
    try fails(["generate", "run", "--prompt", ""], "give at least one token")
    try fails(["generate", "run", "--prompt", "one", "--length", "0"], "--length must be 1")
    try fails(["generate", "run", "--prompt", "one", "--temperature", "-1"], "--temperature")
    try fails(["generate", "run", "--prompt", "one", "--top-k", "0"], "--top-k must be at least 1")
    try fails(["predict", "run", "--output", "p.csv"], "use recur generate")
    try folder.writeWave()
    #expect(try Command.run("train", "wave.yaml", "--out", "wave", in: folder.url).status == 0)
    try fails(["generate", "wave", "--prompt", "one"], "was not trained on text")
  }

  @Test func inspectAndEvaluateKnowTokens() throws {
    let folder = try trained("train.epochs=1")
    let inspect = try Command.run("inspect", "run", "--json", in: folder.url).json()
    #expect(inspect["parameters"] as? Int == 4 * 6 + 3 * 6 * 12 + 6 * 6 + 4)
    let words = try Command.run("inspect", "run", in: folder.url).out
    #expect(words.contains("4 tokens → 6") && words.contains("linear 6 → 4"))
    let metrics =
      try Command.run("evaluate", "run", "--json", in: folder.url).json()["test"] as? [String: Any]
    #expect(metrics?["perplexity"] as? Double != nil && metrics?["bits_per_character"] == nil)
  }
}
