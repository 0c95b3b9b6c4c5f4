import Foundation
import TestSupport
import Testing

/// Predictions for files that say nothing about the answers, in every format; that of CSV is in `NewDataTests`.
@Suite(.tags(.mpi)) struct UnansweredTests {
  private func trained(_ data: String, model: String, loss: String = "cross_entropy", in folder: Folder)
    throws
  {
    try folder.write(
      "recipe.yaml",
      "data: {\(data)}\nmodel: {\(model)}\nloss: \(loss)\ntrain: {epochs: 2, batch_size: 8}\n")
    let outcome = try Command.run("train", "recipe.yaml", "--out", "run", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
  }

  private func write(_ name: String, _ bytes: [UInt8], in folder: Folder) throws {
    let file = folder.url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  /// The table that `predict` writes.
  private func predict(_ words: String..., in folder: Folder) throws -> [[String]] {
    let outcome = try Command.run(
      arguments: ["predict", "run", "--output", "p.csv"] + words, in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return try folder.read("p.csv").split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// The same rows with the column of answers empty.
  private func withoutAnswers(_ table: [[String]], _ columns: [Int] = [2]) -> [[String]] {
    table.enumerated().map { index, row in
      row.enumerated().map { index > 0 && columns.contains($0) ? "" : $1 }
    }
  }

  private static let cube = ArrayFiles.npy(
    "<f4", "(12, 3, 2)", ArrayFiles.bytes((0..<72).map { Float(sin(Double($0))) }))

  @Test func arrays() throws {
    let folder = try Folder()
    try write("x.npy", Self.cube, in: folder)
    try write(
      "y.npy", ArrayFiles.npy("<i8", "(12,)", ArrayFiles.bytes((0..<12).map { $0 % 3 })), in: folder)
    try trained(
      "format: npy, path: x.npy, labels_path: y.npy, scale: standard",
      model: "cell: gru, hidden_size: 4, head: [{linear: 3}]", in: folder)
    let known = try predict("--input", "x.npy", "--labels", "y.npy", in: folder)
    let table = try predict("--input", "x.npy", in: folder)
    #expect(known[1].prefix(3) == ["input", "0", "0"] && table.count == 13)
    #expect(table == withoutAnswers(known))

    let array = try Command.run(
      "predict", "run", "--input", "x.npy", "--output", "p.npy", in: folder.url)
    #expect(array.status == 0, "\(array.err)")
    let bytes = try Array(Data(contentsOf: folder.url.appendingPathComponent("p.npy")))
    #expect(String(decoding: bytes[10..<128], as: UTF8.self).contains("'shape': (12, 3), }"))
    let numbers = bytes[128...].withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    let written = table.dropFirst().flatMap { $0[4...].compactMap(Float.init) }
    #expect(numbers.count == 36 && zip(numbers, written).allSatisfy { abs($0 - $1) < 1e-6 })
    let both = try Command.run(
      "predict", "run", "--input", "x.npy", "--output", "p.npy", "--jsonl", in: folder.url)
    #expect(both.status == 64 && both.err.contains("array by its name"))
  }

  @Test(arguments: ["none", "minmax"]) func arraysOfNumbers(_ scale: String) throws {
    let folder = try Folder()
    try write("x.npy", Self.cube, in: folder)
    try write(
      "y.npy", ArrayFiles.npy("<f4", "(12, 2)", ArrayFiles.bytes((0..<24).map(Float.init))), in: folder)
    try trained(
      "format: npy, path: x.npy, labels_path: y.npy, scale: \(scale)",
      model: "cell: gru, hidden_size: 4, head: [{linear: 2}]", loss: "mse", in: folder)
    let known = try predict("--input", "x.npy", "--labels", "y.npy", in: folder)
    #expect(try predict("--input", "x.npy", in: folder) == withoutAnswers(known, [2, 4]))
  }

  @Test func images() throws {
    let folder = try Folder()
    try write("train/train-images-idx3-ubyte", ArrayFiles.images, in: folder)
    try write("train/train-labels-idx1-ubyte", ArrayFiles.labels, in: folder)
    try trained(
      "format: idx, path: train", model: "cell: rnn, hidden_size: 4, head: [{linear: 3}]", in: folder)
    let known = try predict("--input", "train", in: folder)
    #expect(known.count == 4 && known[1][2] == "2")
    try write("new/train-images-idx3-ubyte.gz", ArrayFiles.gzip(ArrayFiles.images), in: folder)
    try write("alone", ArrayFiles.images, in: folder)
    #expect(try predict("--input", "new", in: folder) == withoutAnswers(known))
    #expect(try predict("--input", "alone", in: folder) == withoutAnswers(known))
    // Both halves of a folder are one part, numbered through.
    try write("new/t10k-images-idx3-ubyte", ArrayFiles.images, in: folder)
    #expect(try predict("--input", "new", in: folder).dropFirst().map { $0[1] } == (0..<6).map(String.init))
  }

  @Test func series() throws {
    let folder = try Folder()
    try folder.write("d.ts", ArrayFiles.ts)
    try trained(
      "format: ts, path: d.ts", model: "cell: lstm, hidden_size: 4, head: [{linear: 2}]", in: folder)
    let known = try predict("--input", "d.ts", in: folder)
    let expected = withoutAnswers(known)
    #expect(known.count == 3 && known[1][2] == "run")
    let unknown = ArrayFiles.ts.replacing(":run", with: ":?").replacing(": walk", with: ":")
    for text in [
      unknown, unknown.replacing(":?", with: "").replacing("6e1 :", with: "6e1"),
      ArrayFiles.ts.replacing("@classLabel true walk run", with: "@classLabel false")
        .replacing(":run", with: "").replacing(": walk", with: ""),
    ] {
      try folder.write("new.ts", text)
      #expect(try predict("--input", "new.ts", in: folder) == expected, "\(text)")
    }
    try folder.write("new.ts", ArrayFiles.ts.replacing("run", with: "swim"))
    let other = try Command.run(
      "predict", "run", "--input", "new.ts", "--output", "q.csv", in: folder.url)
    #expect(
      other.status == 65 && other.err.contains("'swim' is not among the 2 known") && !folder.holds("q.csv"))
  }

  @Test func tokensWithoutTags() throws {
    let folder = try Folder()
    // More tags than each one's probability is written of.
    let words = (0..<24).map { "w\($0) T\($0)\n" }.joined()
    try folder.write("tagged.txt", words + "\n" + words)
    try trained(
      "format: tagged, path: tagged.txt",
      model: "embedding: 4, cell: gru, hidden_size: 4, readout: every_step, head: [{linear: classes}]",
      in: folder)
    let known = try predict("--input", "tagged.txt", in: folder)
    #expect(
      known[0] == ["split", "sample", "step", "actual", "predicted"]
        && known[2].prefix(4) == ["input", "0", "1", "T1"])
    for text in ["w0\nw1\n\nw2\n", "w0 ?\nw1 _\n\nw2 ?\n", "w0\nw1 ?\n\nw2\n"] {
      try folder.write("new.txt", text)
      let table = try predict("--input", "new.txt", in: folder)
      #expect(
        table.map { Array($0.prefix(4)) }
          == [
            known[0].dropLast(), ["input", "0", "0", ""], ["input", "0", "1", ""], ["input", "1", "0", ""],
          ])
    }
    let all = try predict("--input", "tagged.txt", "--proba", in: folder)
    #expect(all[0].count == 5 + 24 && all[0][5] == "probability_T0")
    #expect(abs(all[1][5...].compactMap(Double.init).reduce(0, +) - 1) < 1e-5)
    #expect(all.map { Array($0[..<5]) } == known)
  }

  /// JSON says what CSV says.
  @Test func linesOfJSON() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1)
    #expect(try Command.run("train", "wave.yaml", "--out", "run", in: folder.url).status == 0)
    let table = try predict("--input", "wave.csv", in: folder)
    for words in [["--jsonl", "--output", "p.txt"], ["--output", "p.jsonl"], ["--jsonl"]] {
      let outcome = try Command.run(
        arguments: ["predict", "run", "--input", "wave.csv"] + words, in: folder.url)
      #expect(outcome.status == 0, "\(outcome.err)")
      let text = try words.count == 1 ? outcome.out : folder.read(words.last!)
      let lines = text.split(separator: "\n").map(String.init)
      #expect(lines.count == table.count - 1)
      for (line, row) in zip(lines, table.dropFirst()) {
        let actual = row[3].isEmpty ? "null" : row[3]
        #expect(
          line
            == "{\"split\":\"input\",\"sample\":\(row[1]),\"row\":\(row[2]),\"actual\":{\"y\":\(actual)},\"predicted\":{\"y\":\(row[4])}}"
        )
      }
    }
  }
}
