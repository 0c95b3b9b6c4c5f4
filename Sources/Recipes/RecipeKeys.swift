import Diagnostics

/// The keys of each section, in the order the effective recipe writes them.
enum RecipeKeys {
  static let root = [
    "name", "seed", "precision", "data", "model", "loss", "optimizer", "schedule", "train", "early_stopping",
    "checkpoint",
    "distributed",
  ]
  static let data = [
    "format", "path", "validation_path", "test_path", "labels_path", "validation_labels_path",
    "test_labels_path", "features", "targets", "label", "group", "header", "delimiter", "gaps",
    "scale", "fit_scale_on", "window", "horizon", "per_step", "token_column", "tag_column", "tokens",
    "target_tokens", "min_count", "vocabulary", "sequence_length",
    "split",
  ]
  static let split = ["train", "validation", "test"]
  static let model = [
    "embedding", "embedding_dropout", "tie_embeddings", "cell", "nonlinearity", "hidden_size", "num_layers",
    "bidirectional", "bias", "dropout", "input_dropout", "locked_dropout", "recurrent_dropout", "zoneout",
    "proj_size", "layer_norm", "residual", "learned_initial_state", "readout", "head", "init_range", "init",
    "decoder",
  ]
  static let decoder = ["embedding", "attention", "beam"]
  static let initialization = ["orthogonal", "forget_bias"]
  static let loss = ["name", "delta", "ignore_index", "class_weights", "label_smoothing"]
  static let optimizer = [
    "name", "lr", "momentum", "dampening", "nesterov", "betas", "alpha", "eps", "weight_decay",
  ]
  static let schedule = [
    "name", "step_size", "gamma", "start_epoch", "t_max", "factor", "patience", "threshold", "cooldown",
    "min_lr", "metric",
    "warmup_steps",
  ]
  static let train = [
    "epochs", "batch_size", "shuffle", "bucket_batches", "clip_norm", "clip_value", "ema", "accumulate",
    "max_bad_steps",
    "eval_every_epochs",
    "log_every_steps",
  ]
  static let earlyStopping = ["metric", "patience", "min_delta"]
  static let checkpoint = ["every_epochs", "every_seconds", "keep_last", "keep_best", "metric"]
  static let distributed = [
    "coordinator", "reduction", "lanes", "compress", "optimizer_sharding", "replica_check_every",
    "stall_timeout",
  ]

  private static let sections = [
    ("", root), ("data", data), ("data.split", split), ("model", model), ("model.init", initialization),
    ("model.decoder", decoder),
    ("loss", loss),
    ("optimizer", optimizer), ("schedule", schedule), ("train", train), ("early_stopping", earlyStopping),
    ("checkpoint", checkpoint), ("distributed", distributed),
  ]

  /// What may have been meant by an unknown key: one nearby in the same section, else the same word elsewhere.
  static func hint(for key: String, in path: String, among keys: [String]) -> String {
    if let near = nearestName(to: key, among: keys) { return "; did you mean \(near)?" }
    for (section, others) in sections where section != path && others.contains(key) {
      return "; did you mean \(section.isEmpty ? key : "\(section).\(key)")?"
    }
    return "; known keys: \(keys.joined(separator: ", "))"
  }
}
