extension RecipeGenerator {
  mutating func drawLoss() {
    if kind.isOfClasses {
      recipe["loss"] = ["name": "cross_entropy"]
      maybe(0.25, "loss.label_smoothing", 0.1)
      if !kind.isTokens, dice.chance(0.3) {
        let outputs = recipe["model.head"]?.list?.last?["linear"]
        let width = (outputs?.integer ?? outputs?["size"]?.integer) ?? DataFiles.classes
        recipe["loss.class_weights"] = .list((0..<width).map { .number([1, 2, 0.5][$0 % 3]) })
      }
      maybe(0.15, "loss.ignore_index", 1)
      return
    }
    let choices =
      ["mse", "mae", "huber", "quantile", "gaussian_nll", "student_t"]
      + (hasShares ? ["bce_with_logits", "bce_with_logits"] : [])
      + (hasCounts ? ["poisson", "negative_binomial", "poisson", "negative_binomial"] : [])
    let name = dice.pick(choices)
    recipe["loss"] = ["name": .text(name)]
    if name == "huber" { maybe(0.6, "loss.delta", 0.3) }
    if name == "quantile" { maybe(0.7, "loss.levels", [0.5], [0.05, 0.5, 0.95], [0.2, 0.6]) }
    if Self.saysHowSure(name) {
      widenHead()
    } else if name != "bce_with_logits", dice.chance(0.1) {
      recipe["model.head"] = .list((recipe["model.head"]?.list ?? []) + ["sigmoid"])
    }
  }

  /// Whether a loss says how sure it is, by several outputs for each target or by one that is the rate of counts.
  static func saysHowSure(_ loss: String) -> Bool {
    ["quantile", "gaussian_nll", "student_t", "poisson", "negative_binomial"].contains(loss)
  }

  /// As many outputs as the loss needs.
  private mutating func widenHead() {
    var head = recipe["model.head"]?.list ?? []
    guard let last = head.popLast(), let linear = last["linear"] else { return }
    head.append(["linear": linear["size"] == nil ? "targets" : ["size": "targets", "bias": false]])
    recipe["model.head"] = .list(head)
  }

  mutating func drawOptimizer() {
    let name = dice.pick(["sgd", "adam", "adamw", "rmsprop", "lamb", "lars"])
    recipe["optimizer"] = ["name": .text(name)]
    switch name {
    case "sgd":
      recipe["optimizer.lr"] = 0.05
      if dice.chance(0.6) {
        recipe["optimizer.momentum"] = dice.pick([0.5, 0.9])
        if dice.chance(0.5) {
          recipe["optimizer.nesterov"] = true
        } else {
          maybe(0.5, "optimizer.dampening", 0.1)
        }
      }
    case "rmsprop":
      maybe(0.4, "optimizer.alpha", 0.9)
      maybe(0.4, "optimizer.momentum", 0.5)
    case "lars":
      maybe(0.5, "optimizer.momentum", 0.5)
      maybe(0.5, "optimizer.nesterov", true)
      maybe(0.5, "optimizer.trust", 0.01)
    default: maybe(0.4, "optimizer.betas", [0.5, 0.9])
    }
    if ["lamb", "lars"].contains(name) { maybe(0.5, "optimizer.adapt_vectors", false) }
    if name != "sgd" {
      maybe(0.3, "optimizer.eps", 1e-4)
      maybe(0.5, "optimizer.lr", 0.01)
    }
    maybe(0.25, "optimizer.weight_decay", 0.01)
  }

  mutating func drawTraining() {
    let batch = kind == .text ? dice.pick([1, 2, 8]) : dice.pick([1, 3, 8, 16, 200])
    recipe["train"] = ["epochs": .integer(dice.pick([1, 2, 2, 3])), "batch_size": .integer(batch)]
    if kind != .text { maybe(0.2, "train.shuffle", false, true) }
    if dice.chance(0.35) { recipe["train.\(dice.pick(["clip_norm", "clip_value"]))"] = 0.5 }
    maybe(0.25, "train.ema", 0.5, 0.99)
    if dice.chance(0.4) {
      let key = dice.pick(["accumulate", "micro_batch_size"])
      recipe["train.\(key)"] = .integer(dice.pick([2, 3]))
    }
    if kind.isUnequal { maybe(0.4, "train.bucket_batches", 3) }
    maybe(0.4, "train.log_every_steps", 1, 1, 3)
    maybe(0.25, "train.eval_every_epochs", 2)
    maybe(0.25, "train.tensorboard", true)
    maybe(0.3, "train.tensorboard_histograms", 0, 1)
    drawWeights()
    // Where a class is ignored, many batches may have nothing that counts.
    if recipe["loss.ignore_index"] != nil || dice.chance(0.1) { recipe["train.max_bad_steps"] = 1000 }
  }

  /// A start from a file, and parameters that stay as they are; never all of them.
  private mutating func drawWeights() {
    if dice.chance(0.2) {
      recipe["train.init_from"] = .text(WeightsFile.name)
      recipe["train.allow_missing"] = ["*"]
      maybe(0.8, "train.init_map", ["old.=rnn."])
    }
    guard recipe["model.cell"] != "none" else { return }
    maybe(0.2, "train.freeze", ["rnn.*"], ["rnn.*_l0*"], ["rnn.weight_ih_l0", "fc.*"], ["fc.*"])
  }

  /// A metric that decisions can be made on.
  mutating func metric() -> Tree {
    guard hasValidation else {
      return kind.isOfClasses ? .text(dice.pick(["train.loss", "train.accuracy"])) : "train.loss"
    }
    var names = ["train.loss", "validation.loss", "validation.loss"]
    if kind.isOfClasses { names += ["validation.accuracy", "validation.macro_f1", "train.accuracy"] }
    let loss = recipe["loss.name"]?.text ?? ""
    if ["mse", "mae", "huber"].contains(loss) || Self.saysHowSure(loss) {
      names += ["validation.mae", "validation.rmse", "validation.r2"]
    }
    if Self.saysHowSure(loss) { names += ["validation.crps", "validation.pinball"] }
    if kind == .text { names.append("validation.perplexity") }
    if kind == .pairs { names += ["validation.sequence_accuracy", "validation.error_rate"] }
    return .text(dice.pick(names))
  }

  mutating func drawSchedule() {
    guard dice.chance(0.75) else { return }
    let name = dice.pick(["constant", "step", "exponential", "cosine", "plateau"])
    recipe["schedule"] = ["name": .text(name)]
    maybe(0.3, "schedule.warmup_steps", 2, 7)
    if recipe["schedule.warmup_steps"] == nil { maybe(0.3, "schedule.warmup_epochs", 0.7, 1) }
    if dice.chance(0.25) {
      recipe["schedule.scale_lr"] = .text(dice.pick(["linear", "sqrt"]))
      recipe["schedule.base_batch_size"] = .integer(dice.pick([8, 30]))
    }
    switch name {
    case "step":
      recipe["schedule.step_size"] = 1
      maybe(0.7, "schedule.gamma", 0.5)
    case "exponential":
      recipe["schedule.gamma"] = 0.9
      maybe(0.5, "schedule.start_epoch", 1)
    case "cosine":
      maybe(0.5, "schedule.t_max", 2)
      maybe(0.5, "schedule.min_lr", 1e-4)
    case "plateau":
      recipe["schedule.metric"] = metric()
      recipe["schedule.patience"] = .integer(dice.pick([0, 1]))
      maybe(0.6, "schedule.factor", 0.3)
      maybe(0.6, "schedule.threshold", 0.5)
      maybe(0.3, "schedule.cooldown", 1)
      maybe(0.3, "schedule.min_lr", 1e-4)
    default: break
    }
  }

  mutating func drawSaving() {
    if dice.chance(0.25) {
      recipe["early_stopping"] = ["metric": metric()]
      maybe(0.8, "early_stopping.patience", 1)
      maybe(0.4, "early_stopping.min_delta", 0.05)
    }
    guard dice.chance(0.7) else { return }
    recipe["checkpoint"] = ["metric": metric()]
    maybe(0.5, "checkpoint.every_epochs", 1, 2)
    maybe(0.3, "checkpoint.every_seconds", 1e-7, 0.01, 100)
    maybe(0.5, "checkpoint.keep_last", 1, 4)
    maybe(0.5, "checkpoint.keep_best", 0, 1, 3)
  }

  mutating func drawRanks() {
    recipe["distributed"] = ["reduction": .text(dice.pick(["fast", "strict"]))]
    if recipe["distributed.reduction"] == "strict" {
      maybe(0.7, "distributed.lanes", 1, 2, 3, 8)
    } else {
      maybe(0.25, "distributed.compress", "none", "bf16", "bf16")
      if dice.chance(0.25) {
        drawCompression()
      } else if dice.chance(0.3) {
        drawRounds()
      } else {
        maybe(0.25, "distributed.optimizer_sharding", true)
      }
      // Ranks are compared step by step.
      recipe["train.log_every_steps"] = 1
    }
    maybe(0.3, "distributed.coordinator", "shared", "dedicated", "dedicated")
    maybe(0.2, "distributed.replica_check_every", 0, 1, 3)
    maybe(0.15, "distributed.stall_timeout", 50)
  }

  private mutating func drawRounds() {
    let every = dice.pick([1, 2, 3, 3])
    recipe["distributed.sync_every"] = .integer(every)
    maybe(0.6, "distributed.compress", "none", "bf16", "int8", "int4")
    maybe(0.6, "distributed.outer_lr", 0.5, 1)
    maybe(0.6, "distributed.outer_momentum", 0, 0.5)
    guard every > 1, dice.chance(0.6) else { return }
    recipe["distributed.sync_delay"] = .integer(dice.pick(Array(1..<every)))
    maybe(0.6, "distributed.sync_alpha", 0, 0.2)
  }

  private mutating func drawCompression() {
    let way = dice.pick(["powersgd", "topk"])
    recipe["distributed.compress"] = .text(way)
    if way == "powersgd" { maybe(0.6, "distributed.powersgd_rank", 1, 2) }
    if way == "topk" {
      maybe(0.6, "distributed.topk_share", 0.1, 0.5)
      maybe(0.6, "distributed.topk_warmup_epochs", 1, 2)
      if dice.chance(0.4) {
        recipe["optimizer"] = ["name": "sgd", "lr": 0.05]
        recipe["distributed.topk_momentum"] = 0.5
      }
    }
  }
}
