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
    let target: TargetKind =
      recipe.data.label == nil && recipe.data.format == .csv
      ? .values(width: recipe.data.targets.count) : .classes(count: 3)
    let shape = SampleShape(
      steps: max(1, recipe.data.window), features: max(1, recipe.data.features.count), target: target)
    let network = try recipe.architecture(for: shape)
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
