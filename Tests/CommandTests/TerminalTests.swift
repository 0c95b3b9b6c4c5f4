import Foundation
import Recur
import TestSupport
import Testing

/// Whatever data, recipes, paths, checkpoints and arguments hold: on a terminal it is shown and not obeyed.
@Suite(.tags(.mpi)) struct TerminalTests {
  private static let hostile = "\u{1B}]0;title\u{7}\u{1B}[31m\u{9B}2J\r\u{202E}"

  /// Data whose words are hostile, and recipes for them.
  private func folder() throws -> Folder {
    let folder = try Folder()
    let rows = (0..<40).map { "\($0),\($0 % 3 == 0 ? "\"up\(Self.hostile)\"" : "\"x\ny\""),\($0 % 7)" }
    try folder.write("d.csv", (["a,l,\"y\(Self.hostile)\""] + rows).joined(separator: "\n") + "\n")
    let escaped = "\\e]0;title\\a\\e[31m\\u009b2J\\r\\u202e"
    func write(_ name: String, _ target: String, _ loss: String, _ width: String) throws {
      try folder.write(
        name + ".yaml",
        """
        name: "n\\u202eb"
        data: {format: csv, path: d.csv, features: [a], \(target), split: {train: 20, test: rest}}
        model: {cell: none, head: [{linear: \(width)}]}
        loss: \(loss)
        train: {epochs: 2, batch_size: 5}
        """)
    }
    try write("labels", "label: l", "cross_entropy", "classes")
    try write("values", "targets: [\"y\(escaped)\"]", "mse", "1")
    try folder.write("t.txt", String(repeating: "so \(Self.hostile) it goes\n", count: 30))
    try folder.write(
      "text.yaml",
      """
      data: {format: text, path: t.txt, tokens: word, sequence_length: 4}
      model: {embedding: 4, cell: rnn, hidden_size: 4, readout: every_step, head: [{linear: classes}]}
      loss: cross_entropy
      train: {epochs: 2, batch_size: 2}
      """)
    return folder
  }

  private func expectHarmless(_ folder: Folder, _ arguments: String..., status: Int32 = 0) throws {
    let outcome = try Command.onTerminal(arguments, in: folder.url)
    let text = String(decoding: outcome.sent, as: UTF8.self)
    #expect(outcome.status == status, "\(arguments.first ?? ""): \(text.debugDescription)")
    #expect(Command.orders(in: outcome.sent).isEmpty, "\(arguments.first ?? ""): \(text.debugDescription)")
  }

  @Test(arguments: ["labels", "values", "text"]) func everyCommand(_ kind: String) throws {
    let folder = try folder()
    let run = "run\(Self.hostile)"
    try expectHarmless(folder, "train", "\(kind).yaml", "--out", run)
    for command in ["evaluate", "inspect"] {
      try expectHarmless(folder, command, run)
      try expectHarmless(folder, command, run, "--json")
    }
    if kind == "text" {
      try expectHarmless(folder, "generate", run, "--prompt", "so", "--length", "40")
    } else {
      try expectHarmless(folder, "predict", run, "--output", "p\(Self.hostile).csv")
    }
    if access("/usr/bin/gnuplot", X_OK) == 0 {
      try expectHarmless(folder, "plot", run, "--output", "p\(Self.hostile).svg")
    }
  }

  @Test func messages() throws {
    let folder = try folder()
    try expectHarmless(folder, "train", "no\(Self.hostile).yaml", status: 66)
    try expectHarmless(folder, "train", "labels.yaml", "--set", "data.x\(Self.hostile)=1", status: 65)
    try expectHarmless(folder, "train", "labels.yaml", "--set", "data.label=\"\(Self.hostile)\"", status: 65)
    try expectHarmless(folder, "--x\(Self.hostile)", status: 64)
    try expectHarmless(folder, "train", "a", "b\(Self.hostile)", status: 64)
    try expectHarmless(folder, "launch", "--dry-run", "-n", "2", "--", "train", Self.hostile)
  }

  @Test func anArgumentBeginsNoLine() throws {
    let outcome = try Command.run("--x\nrecur: all is well")
    #expect(outcome.status == 64 && outcome.err.split(separator: "\n").count == 1, "\(outcome.err)")
    #expect(outcome.err.contains("--x\\nrecur: all is well"))
  }

  @Test func aStrangersCheckpoint() throws {
    let folder = try folder()
    _ = try Command.run("train", "values.yaml", "--out", "run", in: folder.url)
    let file = try CheckpointFile(reading: folder.path("run/checkpoints/step-00000008.safetensors"))
    var state = file.state
    (state.program, state.runID, state.kernelFamily) = (Self.hostile, Self.hostile, Self.hostile)
    (state.optimizer.name, state.dataFingerprint) = (Self.hostile, Self.hostile)
    let values = file.tensors.map(\.values)
    let tensors = zip(file.tensors, values).map { tensor, values in
      let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
      _ = copy.initialize(from: values)
      return NamedTensor(name: tensor.name, shape: tensor.shape, values: UnsafeBufferPointer(copy))
    }
    defer { for tensor in tensors { tensor.values.deallocate() } }
    try CheckpointFile.write(state, tensors, to: folder.path("strange.safetensors"))
    try expectHarmless(folder, "inspect", "strange.safetensors")
    try expectHarmless(folder, "evaluate", "strange.safetensors")
  }

  /// Into a pipe a text goes as it is, and JSON gives it back.
  @Test func pipedTextStaysAsItIs() throws {
    let folder = try folder()
    _ = try Command.run("train", "text.yaml", "--out", "run", in: folder.url)
    let arguments = ["generate", "run", "--prompt", "so \(Self.hostile)", "--length", "9"]
    let plain = try Command.run(arguments: arguments, in: folder.url)
    #expect(plain.out.utf8.starts(with: "so \(Self.hostile)".utf8))
    let json = try Command.run(arguments: arguments + ["--json"], in: folder.url)
    #expect(try (json.json()["text"] as? String).map { $0 + "\n" } == plain.out)
    #expect(Command.orders(in: Array(json.out.utf8)).isEmpty)
  }

  /// Columns stand under one another where a label is wide, marked or hostile.
  @Test func tablesAlignWhatIsShown() throws {
    let folder = try folder()
    let labels = ["日本", "e\u{301}t", "\u{1B}x", "plain"]
    let rows = (0..<40).map { "\($0),\(labels[$0 % 4])" }
    try folder.write("d.csv", (["a,l"] + rows).joined(separator: "\n") + "\n")
    _ = try Command.run("train", "labels.yaml", "--out", "run", in: folder.url)
    let lines = try Command.run("evaluate", "run", in: folder.url).out.split(separator: "\n")
    let table = lines.drop { !$0.hasPrefix("class ") }.prefix(5)
    let widths = Set(table.map { line in line.unicodeScalars.reduce(0) { $0 + width($1) } })
    #expect(table.count == 5 && widths.count == 1, "\(table.joined(separator: "\n"))")
  }

  private func width(_ scalar: Unicode.Scalar) -> Int {
    scalar == "\u{301}" ? 0 : (0x3000..<0xA000).contains(scalar.value) ? 2 : 1
  }
}
