import Training

/// What the combinations tried so far had in them, and what they must have.
public struct Coverage {
  /// Keys whose words are tried one by one.
  public static let choices: Set = [
    "precision", "data.scale", "data.fit_scale_on", "data.gaps", "data.scale_per", "data.split.by",
    "data.tokens", "data.target_tokens",
    "data.delimiter", "model.cell", "model.nonlinearity", "model.readout", "model.decoder.attention",
    "loss.name",
    "optimizer.name", "schedule.name", "schedule.scale_lr", "distributed.coordinator",
    "distributed.reduction",
    "distributed.compress",
  ]

  /// Every kind of data, every cell, loss, optimizer, schedule, readout, and every other key.
  public static let required: Set<String> = Set(
    DataKind.allCases.map { "data: \($0.rawValue)" } + Mistake.all.map { "mistake: \($0.name)" }
      + words.flatMap { key, words in words.map { "\(key) \($0)" } } + keys + [Combination.decoderOfNumbers])

  private static let words: [(String, [String])] = [
    ("precision", ["bf16"]), ("data.scale", ["none", "minmax", "standard"]),
    ("data.fit_scale_on", ["train", "all"]),
    ("data.gaps", ["error", "drop", "previous", "linear", "mean", "mask"]),
    ("data.scale_per", ["all", "series"]), ("data.split.by", ["rows", "time", "series"]),
    ("data.tokens", ["char", "word", "byte"]),
    ("data.target_tokens", ["char", "word"]), ("model.cell", ["rnn", "lstm", "gru", "none"]),
    ("model.nonlinearity", ["tanh", "relu"]),
    ("model.readout", ["last_step", "final_state", "all_steps", "every_step"]),
    ("model.decoder.attention", ["none", "dot", "general"]),
    ("model.head", ["linear", "relu", "tanh", "sigmoid", "dropout"]),
    (
      "loss.name",
      [
        "mse", "mae", "huber", "cross_entropy", "bce_with_logits", "quantile", "gaussian_nll", "student_t",
        "poisson", "negative_binomial",
      ]
    ),
    ("optimizer.name", ["sgd", "adam", "adamw", "rmsprop", "lamb", "lars"]),
    ("schedule.name", ["constant", "step", "exponential", "cosine", "plateau"]),
    ("schedule.scale_lr", ["linear", "sqrt"]),
    ("distributed.coordinator", ["shared", "dedicated"]), ("distributed.reduction", ["fast", "strict"]),
    ("distributed.compress", ["bf16", "int8", "int4", "powersgd", "topk"]),
  ]

  /// Every other key of a recipe, as they are declared.
  public static let keys: [String] = {
    let withWords = Set(words.map(\.0))
    return RecipeReference.entries.filter { !$0.isSection }.map(\.path).filter { !withWords.contains($0) }
  }()

  /// How often each was tried.
  public private(set) var times: [String: Int] = [:]

  public init() {}

  public mutating func add(_ combination: Combination) {
    for feature in combination.features { times[feature, default: 0] += 1 }
  }

  public var missing: [String] { Self.required.filter { times[$0] == nil }.sorted() }
}
