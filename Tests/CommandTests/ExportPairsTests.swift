import Foundation
import TestSupport
import Testing

/// `recur export --onnx` of pairs: two files, with which a greedy search finds what `predict` does.
@Suite(.tags(.mpi)) struct ExportPairsTests {
  /// Words said backwards in capitals.
  private func trained(_ model: String = "", epochs: Int = 8) throws -> Folder {
    let folder = try Folder()
    let letters = Array("abéde")
    var lines = ""
    for i in 0..<60 {
      let places: [Int] = (0...(i % 5)).map { place in i * 3 + place * (1 + i % 3) }
      let word: [Character] = places.map { letters[$0 % 5] }
      let said: [String] = word.reversed().map { $0.uppercased() }
      lines += "\(String(word))\t\(said.joined(separator: " "))\n"
    }
    try folder.write("pairs.tsv", lines)
    try folder.write(
      "pairs.yaml",
      """
      name: pairs
      seed: 5
      data: {format: pairs, path: pairs.tsv, tokens: char, target_tokens: word, split: {train: 40, test: rest}}
      model: {cell: gru, embedding: 6, hidden_size: 8, decoder: {embedding: 6}, head: [{linear: classes}]}
      loss: cross_entropy
      optimizer: {name: adam, lr: 0.02}
      train: {epochs: \(epochs), batch_size: 8, ema: 0.5}
      """)
    let settings = model.isEmpty ? [] : ["--set", model]
    let outcome = try Command.run(
      arguments: ["train", "pairs.yaml", "--out", "run"] + settings, in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return folder
  }

  /// A greedy search with both files, of which Python knows nothing but what they say.
  private static let search = """
    import csv, json, sys
    import numpy, onnx, onnxruntime
    folder = sys.argv[1] + "/"
    def load(part):
      path = folder + "m-" + part + ".onnx"
      said = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
      assert said["part"] == part and said["recipe"].count("pairs.tsv") == 1, said
      return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]), said
    (encoder, said), (decoder, _) = load("encoder"), load("decoder")
    known, words = json.loads(said["vocabulary"]), json.loads(said["classes"])
    begin, end = int(said["bos_token_id"]), int(said["eos_token_id"])
    names = [value.name for value in encoder.get_outputs()]
    results = [value.name for value in decoder.get_outputs()]
    rows = list(csv.DictReader(open(folder + "p.csv", encoding="utf-8")))
    sources = [[known.index(letter) for letter in row["source"]] for row in rows]
    lengths = numpy.array([len(source) for source in sources])
    tokens = numpy.zeros((len(rows), lengths.max()), "int64")
    for row, source in zip(tokens, sources): row[:len(source)] = source
    state = dict(zip(names, encoder.run(names, {"tokens": tokens, "lengths": lengths})))
    token, targets, is_open = numpy.full(len(rows), begin), [[] for _ in rows], [True] * len(rows)
    while any(is_open):
      found = dict(zip(results, decoder.run(results, {"token": token, **state})))
      state = {name: found.get(name.replace("0_", "n_"), value) for name, value in state.items()}
      token = found["output"].argmax(axis=1)
      assert (found["probabilities"].argmax(axis=1) == token).all()
      for number, one in enumerate(token):
        if is_open[number] and one != end: targets[number].append(words[one])
        is_open[number] &= one != end and len(targets[number]) < 2 * lengths[number] + 10
    assert [" ".join(target) for target in targets] == [row["predicted"] for row in rows], targets
    assert len(rows) == 20 and len({row["predicted"] for row in rows}) > 3
    print("good")
    """

  @Test(
    .enabled(if: TestONNX.python != nil, Comment(rawValue: TestONNX.missing)),
    arguments: [
      "model.decoder={embedding: 6}", "model.decoder={embedding: 5, attention: general}",
      "model={cell: lstm, embedding: 6, hidden_size: 8, num_layers: 2, bidirectional: true, decoder: {embedding: 6, attention: dot}, head: [{linear: classes}]}",
    ])
  func `a greedy search in Python finds what recur predicts`(_ model: String) throws {
    let folder = try trained(model)
    let predicted = try Command.run("predict", "run", "--output", "p.csv", in: folder.url)
    try #require(predicted.status == 0, "\(predicted.err)")
    // No data are read for it.
    try FileManager.default.removeItem(at: folder.url.appendingPathComponent("pairs.tsv"))
    let outcome = try Command.run("export", "run", "--onnx", "m.onnx", "--json", in: folder.url)
    let report = try outcome.json()
    #expect(report["output"] as? String == "m-encoder.onnx")
    #expect(report["outputs"] as? [String] == ["m-encoder.onnx", "m-decoder.onnx"])
    #expect(!folder.holds("m.onnx"))
    try TestONNX.expectGood(folder, Self.search)
  }

  @Test func `two files are named after one, and are there both or not at all`() throws {
    let folder = try trained(epochs: 1)
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("taken-decoder.onnx"), withIntermediateDirectories: true)
    let refused: [(String, Int32, String)] = [
      ("-", 64, "--onnx -: the network of pairs is two files"),
      ("/dev/full", 64, "--onnx /dev/full: the network of pairs is two files"),
      ("none/m.onnx", 74, "none/m-encoder.onnx: can't be written: No such file"),
      ("taken.onnx", 64, "taken-decoder.onnx is a folder"),
    ]
    for (path, status, text) in refused {
      let outcome = try Command.run("export", "run", "--onnx", path, in: folder.url)
      #expect(outcome.status == status && outcome.err.contains(text), "\(path): \(outcome.err)")
      #expect(outcome.err.split(separator: "\n").count == 1, "\(outcome.err)")
    }
    #expect(!folder.holds("taken-encoder.onnx"))
    for (path, start, ending) in [("net", "net", ""), ("a.b.onnx", "a.b", ".onnx"), ("é.bin", "é", ".bin")] {
      let outcome = try Command.run("export", "run", "--onnx", path, "--raw", in: folder.url)
      #expect(outcome.status == 0, "\(outcome.err)")
      let names = ["encoder", "decoder"].map { "\(start)-\($0)\(ending)" }
      #expect(outcome.out.contains("written to \(names.joined(separator: " and "))"), "\(outcome.out)")
      for name in names { #expect(folder.holds(name), "\(name)") }
    }
  }
}
