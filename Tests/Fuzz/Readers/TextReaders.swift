import Batches
import Collective
import Dataset
import Diagnostics
import Training

struct RecipeFuzz: FuzzedReader {
  static let name = "recipe"
  init(_ scratch: Scratch) throws {}

  static let seeds = [
    """
    name: series
    seed: 7
    data:
      format: csv
      path: ../series.csv
      features: [a, b]
      targets: [c]
      scale: minmax
      fit_scale_on: all
      gaps: linear
      window: 4
      horizon: 1
      split: {train: 0.7, validation: 8, test: rest}
    model: {cell: lstm, hidden_size: 5, num_layers: 2, bidirectional: true, dropout: 0.1, readout: all_steps,
      head: [{linear: {size: 3, bias: false}}, relu, {dropout: 0.5}, {linear: 1}, sigmoid]}
    loss: {name: huber, delta: 0.5}
    optimizer: {name: adamw, lr: 1.0e-3, betas: [0.9, 0.99], eps: 1.0e-8, weight_decay: 0.01}
    schedule: {name: plateau, factor: 0.5, patience: 2, warmup_steps: 7}
    early_stopping: {metric: validation.rmse, patience: 3, min_delta: 0.001}
    train: {epochs: 4, batch_size: 8, shuffle: false, clip_norm: 1, accumulate: 2, max_bad_steps: 3}
    checkpoint: {every_epochs: 2, every_seconds: 30, keep_last: 3, keep_best: 1, metric: validation.loss}
    distributed: {coordinator: shared, reduction: fast, lanes: 8}
    """,
    """
    data: {format: csv, path: d.csv, features: a, label: k, delimiter: ";", header: true}
    model:
      cell: gru
      hidden_size: 6
      head:
        - linear: 3
    loss: {name: cross_entropy, class_weights: [1, 2, 3]}
    train: &t {epochs: 1, batch_size: 1}
    """,
    "data: {format: idx, path: mnist}\nmodel: {cell: none, head: [tanh, {linear: 10}]}\n"
      + "loss: cross_entropy\ntrain: {epochs: 2, batch_size: 3}\nschedule: {name: cosine, t_max: 9}\n",
    "data: {format: npy, path: x.npy, labels_path: y.npy}\nmodel: {cell: rnn, nonlinearity: relu, "
      + "hidden_size: 3, head: [{linear: 2}]}\nloss: mae\noptimizer: {name: sgd, lr: 0.1, momentum: 0.9}\n"
      + "train: {epochs: 2, batch_size: 3}\nschedule: {name: step, step_size: 3}\n",
    """
    data: {format: text, path: t, tokens: word, min_count: 2, vocabulary: 50, sequence_length: 9}
    model: {embedding: 6, embedding_dropout: 0.1, tie_embeddings: true, cell: lstm, hidden_size: 6, readout: every_step,
      head: [{linear: classes}], init_range: 0.1, dropout: 0.2, input_dropout: 0.1, locked_dropout: true}
    loss: {name: cross_entropy, ignore_index: -1, label_smoothing: 0.1}
    optimizer: {name: rmsprop, lr: 0.1, alpha: 0.9, momentum: 0.5}
    schedule: {name: exponential, gamma: 0.5, start_epoch: 3}
    train: {epochs: 2, batch_size: 3, clip_value: 1, ema: 0.9, bucket_batches: 2, eval_every_epochs: 2, log_every_steps: 3}
    distributed: {reduction: strict, lanes: 4, replica_check_every: 10, stall_timeout: 5}
    """,
    """
    data: {format: pairs, path: p.tsv, tokens: char, target_tokens: word, min_count: 1}
    model: {embedding: 4, cell: gru, hidden_size: 8, bidirectional: true, head: [{linear: classes}],
      decoder: {embedding: 4, attention: general, beam: 3}}
    loss: cross_entropy
    train: {epochs: 2, batch_size: 3}
    distributed: {coordinator: dedicated, compress: bf16}
    """,
    """
    data: {format: tagged, path: p, token_column: 1, tag_column: 3, vocabulary: 9}
    model: {embedding: 4, cell: lstm, hidden_size: [8, 8], zoneout: {hidden: 0.1, cell: 0.2}, recurrent_dropout: 0.1,
      proj_size: 3, layer_norm: true, residual: true, learned_initial_state: true, readout: every_step,
      head: [{linear: classes}], init: {orthogonal: true, forget_bias: 1}, bias: true}
    loss: cross_entropy
    train: {epochs: 2, batch_size: 3}
    distributed: {optimizer_sharding: true}
    """,
    "data: {format: csv, path: d.csv, features: [a], targets: [b], group: g, per_step: true}\n"
      + "model: {cell: gru, hidden_size: 3, zoneout: 0.1, reset_after: false, readout: every_step, head: [{linear: 1}]}\nloss: mse\n"
      + "train: {epochs: 2, batch_size: 3}\n",
    "data: {format: csv, path: d.csv, features: [a], targets: [b], window: 3, horizon: [1, 5]}\n"
      + "model: {cell: gru, hidden_size: 3, head: [{linear: 5}]}\nloss: mse\ntrain: {epochs: 2, batch_size: 3}\n"
      + "early_stopping: {metric: validation.loss, patience: 2}\n",
  ]
  var seeds: [[UInt8]] { Self.seeds.map { Array($0.utf8) } }

  var words: [String] {
    [
      "name:", "seed:", "data", "format:", "path:", "model", "cell:", "lstm", "gru", "rnn", "none",
      "hidden_size:",
      "head:", "linear", "loss", "mse", "cross_entropy", "optimizer", "adam", "sgd", "schedule", "train",
      "epochs",
      "batch_size", "&a ", "*a", "*t", "<<: ", "!!int ", "!!binary ", "|\n  ", "? ", "---\n", "...\n",
      "%YAML 1.1\n",
      "text", "pairs", "tagged", "group:", "horizon:", "per_step:", "tokens:", "embedding:", "decoder:",
      "zoneout:", "proj_size:", "reset_after:", "peepholes:", "layer_norm:", "every_step", "classes", "ema:",
      "strict", "init:",
      "~", "null", "true", "rest", "[]", "{}", ": ", "- ", "\t", "\u{85}", "\u{2028}", "0.5",
      "validation.loss",
    ]
  }

  func read(_ bytes: [UInt8]) throws -> Int {
    guard let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0) else {
      throw Failure.badData("not text")
    }
    return try Self.use(try Recipe(yaml: text, path: "r.yaml", baseDirectory: "/base"))
  }

  /// Writes the recipe, reads it again, and lays the network out.
  static func use(_ recipe: Recipe) throws -> Int {
    let again = try Recipe(yaml: recipe.effectiveYAML, path: "again", baseDirectory: "/")
    try require(again == recipe, "written and read again it is another recipe:\n\(recipe.effectiveYAML)")
    let data = recipe.data
    let target: TargetKind =
      data.label == nil && data.format == .csv
      ? .values(width: data.targets.count * (data.horizons?.count ?? 1)) : .classes(count: 3)
    var shape = SampleShape(
      steps: max(1, data.window), features: max(1, data.features.count), target: target)
    if [.text, .pairs, .tagged].contains(data.format) {
      (shape.features, shape.vocabulary, shape.sourceSteps) = (0, 20, data.format == .pairs ? 7 : nil)
      (shape.hasTargetPerStep, shape.hasEqualLengths) = (true, false)
    }
    shape.hasTargetPerStep = shape.hasTargetPerStep || data.perStep
    shape.hasEqualLengths = shape.hasEqualLengths && data.group == nil
    let network = try recipe.network(for: shape)
    return network.outputSize &+ network.layers
  }
}

/// What `--set` takes.
struct SettingFuzz: FuzzedReader {
  static let name = "setting"
  init(_ scratch: Scratch) throws {}

  var seeds: [[UInt8]] {
    [
      "seed=9", "optimizer.lr=0.01", "model.head=[{linear: 1}]", "data.features=[a]", "schedule=cosine",
      "loss={name: huber, delta: 0.1}", "early_stopping=null", "train.clip_norm=1e-3", "model.cell=rnn",
      "data.horizon=[1, 4]", "model.hidden_size=[5, 4]", "model.zoneout={hidden: 0.1, cell: 0.3}",
      "distributed={reduction: strict, lanes: 3}", "model.init={forget_bias: 1}", "train.ema=0.9",
    ].map { Array($0.utf8) }
  }
  var words: [String] {
    ["model", "data", "train", ".", "=", "[", "{", "}", "&a", "*a", "name", "cell", "none"]
  }

  func read(_ bytes: [UInt8]) throws -> Int {
    guard let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0) else {
      throw Failure.badData("not text")
    }
    return try RecipeFuzz.use(
      try Recipe(yaml: RecipeFuzz.seeds[0], path: "r.yaml", baseDirectory: "/base", overrides: [text]))
  }
}

struct HostfileFuzz: FuzzedReader {
  static let name = "hostfile"
  private let scratch: Scratch
  init(_ scratch: Scratch) throws { self.scratch = scratch }

  var seeds: [[UInt8]] {
    [
      "node-a slots=4\nnode-b slots=2 max-slots=8\n", "# all\n10.0.0.1\tslots=1\n\nnode-c\n",
      "a slots=1 max_slots=3 # comment\r\n", "localhost",
    ].map { Array($0.utf8) }
  }
  var words: [String] { ["slots=", "max-slots=", "max_slots=", "#", "node-a", "slots", "="] }

  func read(_ bytes: [UInt8]) throws -> Int {
    let file = try Hostfile(path: try scratch.write("hosts", bytes))
    try require(
      !file.hosts.isEmpty && file.hosts.allSatisfy { $0.slots > 0 && !$0.name.isEmpty }, "an empty host")
    var plan = LaunchPlan(command: ["recur"])
    plan.hostfile = file
    try require(plan.rankCount > 0 && !plan.arguments(hostfilePath: "h").isEmpty, "no ranks")
    try scratch.write("again", Array(file.text.utf8))
    try require(try Hostfile(path: scratch("again")) == file, "written and read again it is another file")
    return file.hosts.count
  }
}
