/// What the combinations tried so far had in them, and what they must have.
public struct Coverage {
  /// Keys whose words are tried one by one.
  static let choices: Set = [
    "precision", "data.scale", "data.fit_scale_on", "data.gaps", "data.tokens", "data.target_tokens",
    "data.delimiter", "model.cell", "model.nonlinearity", "model.readout", "model.decoder.attention",
    "loss.name",
    "optimizer.name", "schedule.name", "distributed.coordinator", "distributed.reduction",
    "distributed.compress",
  ]

  /// Every kind of data, every cell, loss, optimizer, schedule, readout, and every other key.
  public static let required: Set<String> = Set(
    DataKind.allCases.map { "data: \($0.rawValue)" } + Mistake.all.map { "mistake: \($0.name)" }
      + words.flatMap { key, words in words.map { "\(key) \($0)" } } + keys)

  private static let words: [(String, [String])] = [
    ("precision", ["bf16"]), ("data.scale", ["none", "minmax", "standard"]),
    ("data.fit_scale_on", ["train", "all"]),
    ("data.gaps", ["error", "drop", "previous", "linear"]), ("data.tokens", ["char", "word", "byte"]),
    ("data.target_tokens", ["char", "word"]), ("model.cell", ["rnn", "lstm", "gru", "none"]),
    ("model.nonlinearity", ["tanh", "relu"]),
    ("model.readout", ["last_step", "final_state", "all_steps", "every_step"]),
    ("model.decoder.attention", ["none", "dot", "general"]),
    ("model.head", ["linear", "relu", "tanh", "sigmoid", "dropout"]),
    ("loss.name", ["mse", "mae", "huber", "cross_entropy", "bce_with_logits"]),
    ("optimizer.name", ["sgd", "adam", "adamw", "rmsprop"]),
    ("schedule.name", ["constant", "step", "exponential", "cosine", "plateau"]),
    ("distributed.coordinator", ["shared", "dedicated"]), ("distributed.reduction", ["fast", "strict"]),
    ("distributed.compress", ["bf16"]),
  ]

  /// Every other key of a recipe.
  public static let keys = [
    "name", "seed", "data.format", "data.path", "data.validation_path", "data.test_path", "data.labels_path",
    "data.validation_labels_path",
    "data.test_labels_path", "data.features", "data.targets", "data.label", "data.group", "data.header",
    "data.delimiter", "data.window", "data.horizon", "data.per_step", "data.token_column", "data.tag_column",
    "data.min_count", "data.vocabulary", "data.sequence_length", "data.split.train", "data.split.validation",
    "data.split.test", "model.embedding",
    "model.embedding_dropout", "model.tie_embeddings", "model.hidden_size", "model.num_layers",
    "model.bidirectional", "model.bias", "model.dropout", "model.input_dropout", "model.locked_dropout",
    "model.recurrent_dropout", "model.zoneout", "model.zoneout.hidden", "model.zoneout.cell",
    "model.proj_size",
    "model.layer_norm", "model.residual", "model.learned_initial_state", "model.init_range",
    "model.init.orthogonal", "model.init.forget_bias", "model.decoder.embedding", "model.decoder.beam",
    "loss.delta", "loss.ignore_index", "loss.class_weights", "loss.label_smoothing", "optimizer.lr",
    "optimizer.momentum", "optimizer.dampening", "optimizer.nesterov", "optimizer.betas", "optimizer.alpha",
    "optimizer.eps", "optimizer.weight_decay", "schedule.step_size", "schedule.gamma", "schedule.start_epoch",
    "schedule.t_max", "schedule.factor", "schedule.patience", "schedule.threshold", "schedule.cooldown",
    "schedule.min_lr", "schedule.metric", "schedule.warmup_steps", "train.epochs", "train.batch_size",
    "train.shuffle", "train.bucket_batches", "train.clip_norm", "train.clip_value", "train.ema",
    "train.accumulate", "train.max_bad_steps", "train.eval_every_epochs", "train.log_every_steps",
    "early_stopping.metric", "early_stopping.patience", "early_stopping.min_delta", "checkpoint.every_epochs",
    "checkpoint.every_seconds", "checkpoint.keep_last", "checkpoint.keep_best", "checkpoint.metric",
    "distributed.lanes", "distributed.optimizer_sharding", "distributed.replica_check_every",
    "distributed.stall_timeout",
  ]

  /// How often each was tried.
  public private(set) var times: [String: Int] = [:]

  public init() {}

  public mutating func add(_ combination: Combination) {
    for feature in combination.features { times[feature, default: 0] += 1 }
  }

  public var missing: [String] { Self.required.filter { times[$0] == nil }.sorted() }
}
