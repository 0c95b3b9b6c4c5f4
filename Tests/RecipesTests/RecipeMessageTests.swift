import Diagnostics
import Foundation
import Recipes
import TestSupport
import Testing

/// What a person reads when a recipe is wrong: place, key and what to do.
@Suite(.tags(.fast)) struct RecipeMessageTests {
  private func replacing(_ old: String, _ new: String) -> String {
    let result = stock.replacing(old, with: new)
    precondition(result != stock)
    return result
  }

  @Test func unknownKeysNameTheNearest() {
    #expect(
      message(replacing("batch_size", "bach_size"))
        == "r.yaml:25:22: unknown key train.bach_size; did you mean batch_size?")
    #expect(message(replacing("seed: 42", "sede: 42")) == "r.yaml:2:1: unknown key sede; did you mean seed?")
    #expect(
      message(replacing("seed: 42", "hidden_size: 42"))
        == "r.yaml:2:1: unknown key hidden_size; did you mean model.hidden_size?")
    // Of several such keys the one nearest to the root.
    #expect(
      message(stock, ["model.train=1"])
        == "--set model.train=1: unknown key model.train; did you mean train?")
    #expect(
      message(stock, ["data.forget_bias=1"])
        == "--set data.forget_bias=1: unknown key data.forget_bias; did you mean model.init.forget_bias?")
    #expect(
      message(replacing("seed: 42", "x: 1")).hasPrefix("r.yaml:2:1: unknown key x; known keys: name, seed"))
  }

  @Test(arguments: [
    ("loss: mse", "loss: {name: quantile, levels: [0.5, 0.1]}", "loss.levels must rise from one to the next"),
    (
      "loss: mse", "loss: {name: quantile, levels: [0.5, 1]}",
      "loss.levels must be above 0 and below 1, not 1"
    ),
    ("loss: mse", "loss: {name: quantile, levels: []}", "loss.levels must be a list of probabilities"),
    ("hidden_size: 8", "hidden_size: -8", "r.yaml:16:16: model.hidden_size must be at least 1, not -8"),
    ("hidden_size: 8", "hidden_size: 8.5", "r.yaml:16:16: model.hidden_size must be a whole number, not 8.5"),
    ("hidden_size: 8", "hidden_size: 99999999999999999999", "model.hidden_size must be a whole number"),
    ("hidden_size: 8", "hidden_size: 2000000", "model.hidden_size must be at most 1048576, not 2000000"),
    ("  hidden_size: 8\n", "", "r.yaml:14:3: model.hidden_size is missing"),
    (
      "cell: lstm", "cell: lsmt",
      "model.cell must be one of rnn, lstm, gru, none, not lsmt; did you mean lstm?"
    ),
    ("nonlinearity: tanh", "nonlinearity: relu", "model.nonlinearity: relu applies to cell: rnn only"),
    ("dropout: 0.0", "dropout: 1.0", "model.dropout must be at least 0 and below 1, not 1.0"),
    ("dropout: 0.0", "dropout: .nan", "model.dropout must be a number, not .nan"),
    ("bidirectional: false", "bidirectional: maybe", "model.bidirectional must be true or false, not maybe"),
    (
      "sigmoid]", "sigmid]",
      "model.head: a layer must be one of linear, relu, tanh, sigmoid, dropout, not sigmid"
    ),
    ("{linear: 1}", "linear", "model.head: linear needs its width, as in {linear: 10}"),
    ("{linear: 1}", "{linear: 0}", "model.head.linear must be at least 1, not 0"),
    (
      "{linear: 1}", "{linear: {size: 1, bais: true}}",
      "unknown key model.head.linear.bais; did you mean bias?"
    ),
    ("loss: mse", "loss: msee", "loss.name must be one of mse, mae, huber, cross_entropy"),
    ("loss: mse", "loss: {name: mse, delta: 1}", "loss.delta does not apply to loss mse; remove it"),
    ("lr: 1.0e-3", "lr: fast", "r.yaml:23:29: optimizer.lr must be a number, not fast"),
    ("lr: 1.0e-3", "lr: -1", "optimizer.lr must be at least 0, not -1"),
    ("lr: 1.0e-3", "momentum: 0.9", "optimizer.momentum does not apply to optimizer adam; remove it"),
    ("lr: 1.0e-3", "betas: [0.9]", "optimizer.betas must be a list of two numbers such as [0.9, 0.999]"),
    ("{name: constant}", "{name: step}", "schedule.step_size is missing"),
    ("{name: constant}", "{name: cosine, gamma: 1}", "schedule.gamma does not apply to schedule cosine"),
    ("epochs: 301", "epochs: -1", "train.epochs must be at least 0, not -1"),
    ("epochs: 301, ", "", "train.epochs is missing"),
    (
      "clip_norm: null", "clip_norm: 1, clip_value: 1",
      "train.clip_value and train.clip_norm exclude each other; keep one"
    ),
    ("clip_norm: null", "ema: 1.0", "train.ema must be at least 0 and below 1, not 1.0"),
    ("hidden_size: 8", "hidden_size: [8, 0]", "model.hidden_size must be at least 1, not 0"),
    (
      "hidden_size: 8", "hidden_size: [8, 4, 2]",
      "model.num_layers is 2, but model.hidden_size has 3 widths; leave it out"
    ),
    ("dropout: 0.0", "proj_size: 8", "model.proj_size must be smaller than model.hidden_size (8), not 8"),
    ("cell: lstm", "cell: lstm\n  reset_after: false", "model.reset_after does not apply to cell: lstm"),
    ("cell: lstm", "cell: gru\n  peepholes: true", "model.peepholes does not apply to cell: gru"),
    (
      "cell: lstm", "cell: lstm\n  peepholes: true\n  layer_norm: true",
      "model.peepholes and model.layer_norm exclude each other; keep one"
    ),
    (
      "cell: lstm", "cell: gru\n  layer_norm: true\n  reset_after: false",
      "model.reset_after: false and model.layer_norm exclude each other; keep one"
    ),
    ("cell: lstm", "cell: gru\n  proj_size: 2", "model.proj_size applies to cell: lstm only"),
    ("cell: lstm", "cell: gru\n  zoneout: {cell: 0.1}", "model.zoneout.cell applies to cell: lstm only"),
    (
      "cell: lstm", "cell: lstm\n  zoneout: {hiden: 0.1}",
      "unknown key model.zoneout.hiden; did you mean hidden?"
    ),
    (
      "cell: lstm", "cell: gru\n  init: {forget_bias: 1}", "model.init.forget_bias applies to cell: lstm only"
    ),
    (
      "cell: lstm", "cell: gru\n  init: {orthogonl: true}",
      "unknown key model.init.orthogonl; did you mean orthogonal?"
    ),
    (
      "cell: lstm", "cell: lstm\n  locked_dropout: true",
      "model.locked_dropout needs model.dropout or model.input_dropout"
    ),
    ("num_layers: 2", "residual: true", "model.residual needs at least two layers"),
    (
      "hidden_size: 8\n  num_layers: 2", "hidden_size: [8, 4]\n  residual: true",
      "model.residual needs layers of equal width, not [8, 4]"
    ),
    ("clip_norm: null", "clip_norm: 0", "train.clip_norm must be above 0, not 0"),
    ("metric: validation.loss", "metric: validaton.loss", "did you mean validation.loss?"),
    ("metric: validation.loss", "metric: test.loss", "checkpoint.metric must be one of train.loss"),
    ("coordinator: shared", "coordinator: none", "distributed.coordinator must be one of shared, dedicated"),
    ("reduction: fast", "reduction: strickt", "did you mean strict?"),
    (
      "format: csv", "format: cvs",
      "data.format must be one of csv, idx, npy, ts, text, tagged, pairs, not cvs; did you mean csv?"
    ),
    ("format: csv", "format: idx", "data.features does not apply to data.format idx"),
    ("horizon: 1", "horizon: -1", "data.horizon must be at least 0, not -1"),
    (
      "horizon: 1", "horizon: []", "data.horizon must be a number, a range [first, last] or an ascending list"
    ),
    (
      "targets: [Close]", "label: Close\n  targets: [Close]", "data.label and data.targets exclude each other"
    ),
    ("test: rest", "test: rest, validation: rest", "data.split: only one part can be the rest"),
    ("train: 200", "train: 1.5", "data.split.train must be a fraction between 0 and 1, not 1.5"),
    ("name: kospi-lstm", "name: a/b", "name must work as a folder's name, and 'a/b' has a slash"),
    ("name: kospi-lstm", "name: \"a\\tb\"", "has the control character U+0009"),
  ])
  func wrongValuesNamePlaceAndKey(old: String, new: String, words: String) {
    let text = message(replacing(old, new))
    #expect(text.contains(words), "\(text)")
    #expect(text.hasPrefix("r.yaml:"), "\(text)")
    #expect(!text.contains("\n"))
  }

  @Test func overridesNameThemselves() {
    #expect(
      message(stock, ["train.bach_size=3"])
        == "--set train.bach_size=3: unknown key train.bach_size; did you mean batch_size?")
    #expect(
      message(stock, ["model.hidden_size=no"])
        == "--set model.hidden_size=no: model.hidden_size must be a whole number, not no")
    #expect(message(stock, ["train"]).hasPrefix("--set train: expected KEY=VALUE"))
    #expect(message(stock, ["a..b=1"]) == "--set a..b=1: the key has an empty part")
    #expect(message(stock, ["model.head.5=relu"]).contains("5 is no item of a list of 2"))
    #expect(message(stock, ["model.head=[relu"]).hasPrefix("--set model.head=[relu: not YAML"))
  }

  @Test(arguments: [
    ("", "a recipe must be a map of keys and values, not null"),
    ("- 1\n- 2", "a recipe must be a map of keys and values, not a list"),
    ("name: x\nname: y", "r.yaml:1:1: key name stands twice; keep one"),
    ("name: [1, 2", "r.yaml:2:1: not YAML: while parsing a flow sequence"),
    ("name: 'x", "not YAML: while scanning a quoted scalar"),
    ("a: *b", "found undefined alias"),
    ("name: x\n---\nname: y", "found another document"),
    ("\u{0}", "not YAML"),
    ("{a: 1}: 2", "a key must be a plain word"),
    ("data: 5", "data must be a map of keys and values, not 5"),
    ("name: x", "data is missing"),
  ])
  func textThatIsNoRecipe(yaml: String, words: String) {
    let text = message(yaml)
    #expect(text.contains(words), "\(text)")
    #expect(!text.contains("\n"), "\(text)")
  }

  /// A tag asks for something that no key is; those of YAML's own kinds say what a value is anyway.
  @Test func tagsAreRefused() {
    for (old, new, tag) in [
      ("epochs: 301", "epochs: !foo 301", "'!foo'"),
      ("epochs: 301", "epochs: !!python/object:x 301", "'!!python/object:x'"),
      ("features: [", "features: !list [", "'!list'"), ("\ndata:", "\ndata: !map", "'!map'"),
      ("  format: csv", "  !key format: csv", "'!key'"),
      ("epochs: 301", "epochs: !!binary 301", "'!!binary'"),
      ("features: [", "features: !!map [", "'!!map'"), ("format: csv", "format: !<x:y> csv", "'x:y'"),
    ] {
      let yaml = replacing(old, new)
      let text = message(yaml)
      let line = yaml[..<(yaml.range(of: "!")!.lowerBound)].count { $0 == "\n" } + 1
      #expect(
        text.hasPrefix("r.yaml:\(line):")
          && text.hasSuffix("the tag \(tag) means nothing in a recipe; remove it"),
        "\(new): \(text)")
    }
    for (old, new) in [
      ("epochs: 301", "epochs: !!int 301"), ("format: csv", "format: !!str csv"),
      ("format: csv", "format: ! csv"),
      ("features: [", "features: !!seq ["),
    ] {
      #expect(throws: Never.self) {
        try Recipe(yaml: replacing(old, new), path: "r.yaml", baseDirectory: "/")
      }
    }
    #expect(
      message(stock, ["train.epochs=!foo"])
        == "--set train.epochs=!foo: the tag '!foo' means nothing in a recipe; remove it")
  }

  @Test func aliasesCannotExplode() {
    let levels = (1...30).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }
    #expect(message((["a0: &a0 [x]"] + levels).joined(separator: "\n")).contains("more than 10000 values"))
    #expect(message(String(repeating: "[", count: 1_000_000)).contains("more than 10000 brackets"))
    #expect(message(String(repeating: "[", count: 9_000)).contains("not YAML"))
    #expect(
      message(String(repeating: "[", count: 101) + String(repeating: "]", count: 101)).contains("100 deep"))
  }

  @Test func filesThatCannotBeRead() throws {
    let missing = #expect(throws: Failure.self) { try Recipe(contentsOf: "/nowhere/r.yaml") }
    #expect(missing?.kind == .missingInput)
    let folder = FileManager.default.temporaryDirectory
    let inFolder = #expect(throws: Failure.self) { try Recipe(contentsOf: folder.path) }
    #expect(inFolder?.kind == .missingInput)
    let file = folder.appendingPathComponent("recipe-\(UUID().uuidString).yaml")
    defer { try? FileManager.default.removeItem(at: file) }
    let files: [([UInt8], String)] = [
      ([0xff, 0xfe, 0x41, 0], "UTF-16"), ([0xff, 0, 0x41], "not UTF-8 text"),
    ]
    for (bytes, word) in files {
      try Data(bytes).write(to: file)
      let binary = #expect(throws: Failure.self) { try Recipe(contentsOf: file.path) }
      #expect(binary?.message.contains(word) == true)
    }
  }
}
