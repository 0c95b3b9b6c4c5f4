import Foundation
import TestSupport
import Testing

/// What is packed trains as what it was packed of.
@Suite(.tags(.mpi)) struct PackTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.writeWave(epochs: 3, rows: 300)
  }

  private func run(_ arguments: String...) throws -> Command.Outcome {
    try Command.run(arguments: arguments, in: folder.url)
  }

  private func hash(_ recipe: String, _ settings: String...) throws -> String {
    let outcome = try Command.run(
      arguments: ["train", recipe, "--json", "--out", folder.path("run-\(UUID().uuidString)")]
        + settings.flatMap { ["--set", $0] }, in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    return try #require(try outcome.json()["parameters_sha256"] as? String)
  }

  @Test(arguments: ["64MiB", "1kB"]) func aTableTrainsAsItsFile(size: String) throws {
    let packed = try run("pack", "wave.csv", "--out", "packed", "--shard-size", size, "--json")
    #expect(packed.status == 0, "\(packed.err)")
    let report = try packed.json()
    #expect(report["rows"] as? Int == 300 && report["shards"] as? Int == (size == "1kB" ? 8 : 1))
    let whole = try hash("wave.yaml")
    #expect(try hash("wave.yaml", "data.path=packed") == whole)
    #expect(try hash("wave.yaml", "data.path=packed", "data.memory=1") == whole)
    #expect(try run("pack", "packed", "--check").status == 0)
    let again = try run("pack", "wave.csv", "--out", "packed")
    #expect(again.status == 64 && again.err.contains("holds files already"), "\(again.err)")
  }

  @Test func labelsAndLinesOfJSON() throws {
    let rows = (0..<90).map { (sin(Double($0)), cos(Double($0) / 3), ["up", "down", "flät"][$0 % 3]) }
    try folder.write("t.csv", "a,b,way\n" + rows.map { "\($0.0),\($0.1),\($0.2)\n" }.joined())
    try folder.write(
      "t.jsonl", rows.map { "{\"way\": \"\($0.2)\", \"a\": \($0.0), \"b\": \($0.1)}\n" }.joined())
    try folder.write(
      "t.yaml",
      """
      data: {format: csv, path: t.csv, features: [b, a], label: way, window: 3, scale: standard, split: {train: 50, test: rest}}
      model: {cell: lstm, hidden_size: 4, readout: last_step, head: [{linear: classes}]}
      loss: cross_entropy
      optimizer: {name: adam, lr: 0.01}
      train: {epochs: 2, batch_size: 8}
      """)
    let whole = try hash("t.yaml")
    for file in ["t.csv", "t.jsonl"] {
      let packed = try run("pack", file, "--out", "from-\(file)", "--texts", "way")
      #expect(packed.status == 0, "\(packed.err)")
      #expect(try hash("t.yaml", "data.path=from-\(file)") == whole)
    }
    let text = try run("pack", "t.csv", "--out", "none")
    #expect(text.status == 65 && text.err.contains("t.csv, line 2, column 'way'"), "\(text.err)")
    let gap = try folder.write("gap.csv", "a,b\n1,2\n3,\n")
    let refused = try run("pack", gap, "--out", "none-2")
    #expect(
      refused.status == 65 && refused.err.contains("row 2, column 'b': the value is missing"),
      "\(refused.err)")
  }

  @Test(arguments: ["char", "word", "byte"]) func aTextTrainsAsItsFile(tokens: String) throws {
    let words = ["in", "the", "beginning", "wäs", "a", "word"]
    let text = (0..<400).map { number -> String in
      let end = number % 9 == 8 ? "\n" : " "
      return words[number * 7 % 6] + end
    }.joined()
    try folder.write("t.txt", text)
    try folder.write("t.jsonl", "{\"text\": \"a word\"}\n{\"text\": \"the word\"}\n")
    try folder.write(
      "t.yaml",
      """
      data: {format: text, path: t.txt, tokens: \(tokens), sequence_length: 8, split: {train: 0.8, validation: rest}}
      model: {embedding: 4, cell: lstm, hidden_size: 8, readout: every_step, head: [{linear: classes}]}
      loss: cross_entropy
      optimizer: {name: adam, lr: 0.01}
      train: {epochs: 2, batch_size: 4}
      """)
    let packed = try run("pack", "t.txt", "--out", "packed", "--tokens", tokens, "--shard-size", "200")
    #expect(packed.status == 0, "\(packed.err)")
    let whole = try hash("t.yaml")
    #expect(try hash("t.yaml", "data.path=packed") == whole)
    // Tokens that stay in their files.
    #expect(try hash("t.yaml", "data.path=packed", "data.memory=1") == whole)
    let large = try run("train", "t.yaml", "--out", "large", "--set", "data.memory=1")
    #expect(
      large.status == 65 && large.err.contains("/t.txt --tokens \(tokens) --out DIR makes shards"),
      "\(large.err)")
    if tokens == "word" {
      #expect(
        try hash("t.yaml", "data.vocabulary=4") == hash("t.yaml", "data.path=packed", "data.vocabulary=4"))
    }
    let other = try run(
      "train", "t.yaml", "--out", "other", "--set", "data.path=packed", "--set",
      "data.tokens=\(tokens == "char" ? "word" : "char")")
    #expect(other.status == 65 && other.err.contains("was packed by \(tokens)"), "\(other.err)")
    let lines = try run(
      "pack", "t.jsonl", "--format", "text", "--field", "text", "--out", "lines", "--tokens", tokens)
    #expect(lines.status == 0, "\(lines.err)")
  }

  /// What would not fit is refused before it is read, and by what to do.
  @Test func aTableBeyondMemoryIsRefused() throws {
    try folder.writeWave(epochs: 1, rows: 80_000)
    let large = try run("train", "wave.yaml", "--out", "run", "--set", "data.memory=100kB")
    #expect(large.status == 65 && large.err.contains("wave.csv: its inputs take some"), "\(large.err)")
    #expect(large.err.contains("more than data.memory, 0.1 MiB; recur pack "), "\(large.err)")
    #expect(try run("pack", "wave.csv", "--out", "packed").status == 0)
    let packed = try run(
      "recipe", "check", "wave.yaml", "--set", "data.memory=100kB", "--set", "data.path=packed")
    #expect(packed.status == 0, "\(packed.err)")
  }

  @Test func aDamagedFolderIsRefused() throws {
    #expect(try run("pack", "wave.csv", "--out", "packed", "--shard-size", "1kB").status == 0)
    let shard = URL(fileURLWithPath: folder.path("packed/shard-000003.npy"))
    let bytes = try Data(contentsOf: shard)
    var changed = bytes
    changed[changed.count - 1] ^= 1
    try changed.write(to: shard)
    let check = try run("pack", "packed", "--check")
    #expect(
      check.status == 65 && check.err.contains("shard-000003.npy: is not what was written"), "\(check.err)")
    try bytes.dropLast(8).write(to: shard)
    let cut = try run("train", "wave.yaml", "--set", "data.path=packed", "--out", "run")
    #expect(cut.status == 65 && cut.err.contains("shard-000003.npy"), "\(cut.err)")
    try FileManager.default.removeItem(at: shard)
    let missing = try run("train", "wave.yaml", "--set", "data.path=packed", "--out", "run")
    #expect(missing.status == 66 && missing.err.contains("shard-000003.npy"), "\(missing.err)")
    try folder.write("packed/index.json", "{}")
    let index = try run("train", "wave.yaml", "--set", "data.path=packed", "--out", "run")
    #expect(index.status == 65 && index.err.contains("index.json"), "\(index.err)")
    let series = try run(
      "train", "wave.yaml", "--set", "data.path=packed", "--set", "data.gaps=drop", "--out", "run")
    #expect(
      series.status == 65 && series.err.contains("data.gaps is not for a folder of recur pack"),
      "\(series.err)")
  }
}
