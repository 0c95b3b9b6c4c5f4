/// One thing that makes a good recipe a bad one: it must be refused by one line, never trained.
public struct Mistake: Sendable {
  /// What is changed: a recipe, or the main file of its data.
  enum Change: Sendable {
    case recipe(@Sendable (inout Tree) -> Void)
    case file(@Sendable (inout [UInt8]) -> Void)
  }
  public let name: String
  /// The exit code.
  let code: Int32
  let change: Change
  private var isPossible: @Sendable (DataKind, Tree) -> Bool = { _, _ in true }

  func applies(_ kind: DataKind, _ recipe: Tree) -> Bool { isPossible(kind, recipe) }

  private init(_ name: String, code: Int32 = 65, _ change: @escaping @Sendable (inout Tree) -> Void) {
    (self.name, self.code, self.change) = (name, code, .recipe(change))
  }

  /// One value in place of another.
  private init(_ path: String, _ value: Tree) {
    self.init("\(path): \(value.json)") { $0[path] = value }
  }

  /// A damaged file.
  private init(file name: String, of formats: [String], _ change: @escaping @Sendable (inout [UInt8]) -> Void)
  {
    (self.name, code, self.change) = (name, 65, .file(change))
    isPossible = { kind, _ in formats.contains(kind.format) }
  }

  /// The same for some recipes alone.
  private func only(_ isPossible: @escaping @Sendable (DataKind, Tree) -> Bool) -> Mistake {
    var mistake = self
    let before = self.isPossible
    mistake.isPossible = { before($0, $1) && isPossible($0, $1) }
    return mistake
  }
}

extension Mistake {
  public static let all: [Mistake] = keys + values + contradictions + misfits + files

  private static let keys = [
    Mistake("an unknown key") { $0["train.epoch"] = 3 },
    Mistake("an unknown section") { $0["optimiser"] = ["name": "sgd"] },
    Mistake("no model.cell") { $0["model.cell"] = nil },
    Mistake("no data.path") { $0["data.path"] = nil }.only { _, recipe in recipe["data.paths"] == nil },
    Mistake("no train.epochs") { $0["train.epochs"] = nil },
    Mistake("no loss") { $0["loss"] = nil },
    Mistake("labels of fewer files") {
      ($0["data.labels_path"], $0["data.labels_paths"]) = (nil, ["labels/0*"])
    }.only { kind, _ in kind.shardEndings != nil },
    Mistake("data.memory", "many"), Mistake("data.memory", "2 pounds"),
    Mistake("data.shuffle_block", 0),
    Mistake("weights that are not there", code: 66) { $0["train.init_from"] = "absent.safetensors" },
    Mistake("a path to nothing", code: 66) {
      $0[$0["data.paths"] == nil ? "data.path" : "data.paths"] = "absent"
    },
  ]

  private static let values = [
    Mistake("train.freeze", ["nothing.*"]), Mistake("train.epochs", -1), Mistake("train.batch_size", "many"),
    Mistake("train.ema", 1.0),
    Mistake("optimizer.lr", -0.1), Mistake("optimizer.name", "adagrad"), Mistake("loss.name", "mean"),
    Mistake("model.cell", "transformer"), Mistake("model.head", [["linear": 0]]), Mistake("seed", -1),
    Mistake("precision", "fp64"), Mistake("data.format", "xls"), Mistake("checkpoint.keep_last", 0),
    Mistake("distributed.lanes", 0), Mistake("schedule", ["name": "step", "step_size": 0]),
    Mistake("model.dropout", 1.0).only { _, recipe in recipe["model.cell"] != "none" },
    Mistake("model.hidden_size", 0).only { _, recipe in recipe["model.cell"] != "none" },
  ]

  private static let contradictions = [
    Mistake("two limits of the gradient") { ($0["train.clip_norm"], $0["train.clip_value"]) = (1, 1) },
    Mistake("two rests") {
      $0["data.split"] = ["train": "rest", "validation": "rest"]
    }.only { _, recipe in recipe["data.validation_path"] == nil },
    Mistake("strict sums of rounded gradients") {
      $0["distributed"] = ["reduction": "strict", "compress": "bf16"]
    },
    Mistake("strict rounds") { $0["distributed"] = ["reduction": "strict", "sync_every": 2] },
    Mistake("two momentums") {
      $0["optimizer"] = ["name": "sgd", "momentum": 0.5]
      $0["distributed"] = ["compress": "topk", "topk_momentum": 0.5]
    },
    Mistake("gradients of eight bits") { $0["distributed"] = ["compress": "int8"] },
    Mistake("two kinds of warm-up") {
      $0["schedule"] = ["name": "constant", "warmup_steps": 3, "warmup_epochs": 1]
    },
    Mistake("a scaled rate of no batch") { $0["schedule"] = ["name": "constant", "scale_lr": "sqrt"] },
    Mistake("two sizes of micro-batches") {
      ($0["train.accumulate"], $0["train.micro_batch_size"]) = (2, 3)
    },
    Mistake("nesterov without momentum") {
      $0["optimizer"] = ["name": "sgd", "nesterov": true]
    },
    Mistake("an option of another cell") {
      ($0["model.hidden_size"], $0["model.proj_size"]) = (8, 2)
    }.only { _, recipe in ["rnn", "gru"].contains(recipe["model.cell"]?.text) },
    Mistake("layers without a cell") {
      $0["model.num_layers"] = 2
    }.only { _, recipe in recipe["model.cell"] == "none" },
    Mistake("an option of another loss") {
      $0["loss.delta"] = 1
    }.only { _, recipe in recipe["loss.name"] != "huber" },
    Mistake("levels that fall") { $0["loss"] = ["name": "quantile", "levels": [0.9, 0.1]] },
    Mistake("an option of another format") {
      $0["data.window"] = 3
    }.only { kind, _ in kind.format != "csv" },
  ]

  /// What fits the recipe's rules, but not its data.
  private static let misfits = [
    Mistake("more samples than there are") {
      $0["data.split"] = ["train": 100_000, "validation": 5]
    }.only { _, recipe in recipe["data.validation_path"] == nil },
    Mistake("a metric of other targets") {
      $0["checkpoint.metric"] =
        $0["loss.name"] == "cross_entropy" ? "validation.mae" : "validation.perplexity"
    },
    Mistake("a loss of other targets") {
      $0["loss"] = ["name": $0["loss.name"] == "cross_entropy" ? "mae" : "cross_entropy"]
    },
    Mistake("too few outputs") {
      $0["model.head"] = [["linear": 1], ["linear": $0["loss.name"] == "cross_entropy" ? 1 : 99]]
    },
    Mistake("no validation part to decide on") {
      for key in ["validation_path", "validation_labels_path", "split"] { $0["data.\(key)"] = nil }
      $0["early_stopping"] = ["metric": "validation.loss"]
    },
    Mistake("a readout of other targets") {
      $0["model.readout"] = $0["model.readout"] == "every_step" ? "last_step" : "every_step"
    }.only { _, recipe in recipe["model.readout"] != nil },
    Mistake("a column that is not there") {
      $0["data.features"] = ["volume"]
    }.only { kind, _ in kind.format == "csv" },
    Mistake("a window longer than the file") {
      $0["data.window"] = 1000
    }.only { kind, _ in kind.format == "csv" && !kind.isGrouped },
    Mistake("more streams than tokens") {
      $0["train.batch_size"] = 100_000
    }.only { kind, _ in kind == .text },
    Mistake("an embedding of numbers") {
      $0["model.embedding"] = 4
    }.only { kind, recipe in !kind.isTokens && recipe["model.cell"] != "none" },
  ]

  private static let files = [
    Mistake(file: "an empty file", of: ["csv", "npy", "idx", "ts", "text", "tagged", "pairs"]) { $0 = [] },
    Mistake(file: "a file cut short", of: ["npy", "idx"]) { $0.removeLast($0.count / 3) },
    Mistake(file: "no number", of: ["csv", "ts"]) { bytes in
      for place in bytes.indices.suffix(200) where bytes[place] == UInt8(ascii: ".") {
        bytes[place] = UInt8(ascii: "x")
      }
    }.only { kind, recipe in kind != .csvTexts && recipe["data.decimal"] == nil },
    Mistake(file: "not UTF-8", of: ["text", "tagged", "pairs"]) { $0.insert(0xFF, at: $0.count / 2) }
      .only { _, recipe in recipe["data.tokens"] != "byte" },
    Mistake(file: "a line of one column", of: ["csv", "ts", "tagged", "pairs"]) {
      $0 += Array("alone\n".utf8)
    },
    Mistake(file: "another file's beginning", of: ["npy", "idx", "ts"]) { $0 = Array("PNG".utf8) + $0 },
  ]
}
