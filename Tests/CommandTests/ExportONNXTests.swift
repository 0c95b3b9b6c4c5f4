import Foundation
import TestSupport
import Testing

/// `recur export --onnx`: what other programs find in the file, and what is refused.
@Suite(.tags(.mpi)) struct ExportONNXTests {
  private static func recipe(_ data: String = "") -> String {
    """
    name: wave
    seed: 3
    data:
      {format: csv, path: wave.csv, features: [a, b], targets: [y], scale: standard, window: 4, horizon: 1,
       split: {train: 30, validation: 10, test: rest}\(data)}
    model: {cell: lstm, hidden_size: 6, num_layers: 2, bidirectional: true, head: [{linear: 4}, tanh, {linear: 1}]}
    loss: mse
    train: {epochs: 3, batch_size: 8, ema: 0.5}
    """
  }

  private func trained(_ recipe: String = recipe()) throws -> Folder {
    let folder = try Folder()
    let rows = (0..<60).map { i in
      "\(sin(0.3 * Double(i))),\(2000 + 20 * cos(0.2 * Double(i))),\(5 + 3 * sin(0.3 * Double(i + 1))),\(["x", "y", "z"][i % 3])"
    }
    try folder.write("wave.csv", (["a,b,y,k"] + rows).joined(separator: "\n") + "\n")
    try folder.write("wave.yaml", recipe)
    let outcome = try Command.run("train", "wave.yaml", "--out", "run", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return folder
  }

  private func export(_ folder: Folder, _ words: String...) throws -> Command.Outcome {
    try Command.run(arguments: ["export", "run"] + words, in: folder.url)
  }

  @Test func `the bytes are the same each time, and to standard output`() throws {
    let folder = try trained()
    for name in ["one.onnx", "two.onnx"] {
      let outcome = try export(folder, "--onnx", name)
      #expect(
        outcome.status == 0 && outcome.out.contains("written to \(name)"), "\(outcome.out)\(outcome.err)")
    }
    let one = try Data(contentsOf: folder.url.appendingPathComponent("one.onnx"))
    #expect(try one == Data(contentsOf: folder.url.appendingPathComponent("two.onnx")) && one.count > 2000)
    // ir_version 8, producer_name "recur".
    #expect(Array(one.prefix(9)) == [8, 8, 18, 5] + Array("recur".utf8))
    let line = try run(
      "/bin/sh",
      ["-c", "cd '\(folder.url.path)' && '\(Command.executable.path)' export run --onnx - > three.onnx"])
    #expect(line.status == 0, "\(line.errors)")
    #expect(try one == Data(contentsOf: folder.url.appendingPathComponent("three.onnx")))
  }

  @Test func `what can't be written is one line and a code`() throws {
    let folder = try trained()
    let refused: [([String], Int32, String)] = [
      (["--onnx", "m.onnx", "--npz", "m.npz"], 64, "give --safetensors FILE, --npz FILE or --onnx FILE"),
      (["--npz", "m.npz", "--raw"], 64, "--raw belongs to --onnx"),
      (["--onnx", "run"], 64, "run is a folder"),
      (["--onnx", "none/m.onnx"], 74, "No such file"),
      (["--onnx", "/dev/full"], 74, "No space left"),
    ]
    for (words, status, text) in refused {
      let outcome = try Command.run(arguments: ["export", "run"] + words, in: folder.url)
      #expect(
        outcome.status == status && outcome.err.contains(text), "\(words): \(outcome.status) \(outcome.err)")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.url.appendingPathComponent("m.onnx").path))
  }

  @Test(.enabled(if: TestONNX.python != nil, Comment(rawValue: TestONNX.missing)))
  func `a text model carries its states on`() throws {
    let folder = try Folder()
    try folder.write("text.txt", (0..<300).map { ["abc ", "cab\n", "bca "][$0 * $0 % 3] }.joined())
    try folder.write(
      "text.yaml",
      """
      name: text
      data: {format: text, path: text.txt, tokens: char, sequence_length: 12, split: {train: 0.8, validation: rest}}
      model:
        {cell: lstm, embedding: 6, hidden_size: 6, num_layers: 2, tie_embeddings: true, readout: every_step,
         head: [{linear: classes}]}
      loss: cross_entropy
      train: {epochs: 1, batch_size: 4}
      """)
    let trained = try Command.run("train", "text.yaml", "--out", "run", in: folder.url)
    try #require(trained.status == 0, "\(trained.err)")
    #expect(try export(folder, "--onnx", "m.onnx").status == 0)
    try TestONNX.expectGood(
      folder,
      """
      import json, sys
      import numpy, onnx, onnxruntime
      path = sys.argv[1] + "/m.onnx"
      classes = json.loads({entry.key: entry.value for entry in onnx.load(path).metadata_props}["classes"])
      tokens = numpy.array([[classes.index(letter) for letter in open(sys.argv[1] + "/text.txt").read()[:30]]])
      session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
      names = [output.name for output in session.get_outputs()]
      assert names == ["output", "probabilities", "hn_l0", "cn_l0", "hn_l1", "cn_l1"], names
      def run(tokens, states): return dict(zip(names, session.run(None, {"tokens": tokens, **states})))
      zeros = {name: numpy.zeros((1, 1, 6), "float32") for name in ("h0_l0", "c0_l0", "h0_l1", "c0_l1")}
      whole, first = run(tokens, zeros), run(tokens[:, :11], zeros)
      second = run(tokens[:, 11:], {name: first[name.replace("0_", "n_")] for name in zeros})
      assert whole["probabilities"].shape == (1, 30, len(classes))
      assert numpy.abs(whole["output"][:, 11:] - second["output"]).max() < 1e-6
      assert numpy.abs(whole["hn_l1"] - second["hn_l1"]).max() < 1e-6 and numpy.abs(whole["hn_l1"]).max() > 0.01
      print("good")
      """)
  }

  @Test(.enabled(if: TestONNX.python != nil, Comment(rawValue: TestONNX.missing)))
  func `ONNX Runtime predicts what recur does, in the units of the file`() throws {
    let folder = try trained(Self.recipe(", categorical: [k]"))
    for words in [["--onnx", "m.onnx"], ["--onnx", "raw.onnx", "--raw"], ["--npz", "m.npz"]] {
      let outcome = try Command.run(arguments: ["export", "run"] + words, in: folder.url)
      #expect(outcome.status == 0, "\(outcome.err)")
    }
    let predicted = try Command.run("predict", "run", "--split", "test", "--output", "p.npy", in: folder.url)
    #expect(predicted.status == 0, "\(predicted.err)")
    try TestONNX.expectGood(
      folder,
      """
      import csv, json, sys
      import numpy, onnx, onnxruntime
      folder = sys.argv[1] + "/"
      rows = list(csv.DictReader(open(folder + "wave.csv")))
      expected = numpy.load(folder + "p.npy")
      model = onnx.load(folder + "m.onnx")
      onnx.checker.check_model(model, full_check=True)
      said = {entry.key: entry.value for entry in model.metadata_props}
      assert json.loads(said["features"]) == ["a", "b"] and json.loads(said["targets"]) == ["y"], said
      assert json.loads(said["outputs"]) == ["y"] and json.loads(said["categorical"]) == ["k"] and said["raw"] == "false"
      codes = {name: number + 1 for number, name in enumerate(json.loads(said["categories"])[0])}
      arrays = numpy.load(folder + "m.npz")
      for key in ("recipe", "scaler", "categories"):
        assert said[key] == str(arrays["metadata." + key]), key
      numbers = numpy.array([[float(row["a"]), float(row["b"])] for row in rows])
      kinds = numpy.array([[codes[row["k"]]] for row in rows])
      starts = range(len(rows) - 4 - len(expected), len(rows) - 4)
      def cut(values, kind): return numpy.array([values[i:i + 4] for i in starts]).astype(kind)
      def run(name, values):
        session = onnxruntime.InferenceSession(folder + name, providers=["CPUExecutionProvider"])
        return session.run(["output"], {"input": values.astype("float32"), "categories": cut(kinds, "int64")})[0]
      found = run("m.onnx", cut(numbers, "float64"))
      assert len(expected) > 10 and numpy.abs(found - expected).max() < 1e-5 * numpy.abs(expected).max(), (found, expected)
      scaler = json.loads(said["scaler"])
      offset, scale = (numpy.array([column[key] for column in scaler["features"]]) for key in ("offset", "scale"))
      raw = run("raw.onnx", (cut(numbers, "float64") - offset) / scale)
      target = scaler["targets"][0]
      assert numpy.abs(raw * target["scale"] + target["offset"] - expected).max() < 1e-5 * numpy.abs(expected).max()
      print("good")
      """)
  }
}

extension TestONNX {
  /// Runs Python with the folder as its argument; its last word is good.
  /// - Returns: what it wrote.
  @discardableResult
  static func expectGood(_ folder: Folder, _ program: String) throws -> String {
    let outcome = try run(python ?? "", ["-c", program, folder.url.path], limit: 120)
    #expect(outcome.status == 0 && outcome.output.hasSuffix("good\n"), "\(outcome.output)\(outcome.errors)")
    return outcome.output
  }
}
