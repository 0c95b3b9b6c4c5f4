extension OptimizerSpecification {
  /// Its name in a recipe.
  public var name: String {
    switch rule {
    case .sgd: "sgd"
    case .adam: "adam"
    case .adamW: "adamw"
    case .rmsprop: "rmsprop"
    }
  }

  var entries: RecipeWriter.Entries {
    let settings: RecipeWriter.Entries
    switch rule {
    case .sgd(let momentum, let dampening, let nesterov):
      settings = [
        ("momentum", .init(momentum)), ("dampening", .init(dampening)), ("nesterov", .init(nesterov)),
      ]
    case .adam(let beta1, let beta2, let eps), .adamW(let beta1, let beta2, let eps):
      settings = [("betas", .list([.init(beta1), .init(beta2)])), ("eps", .init(eps))]
    case .rmsprop(let alpha, let eps, let momentum):
      settings = [("alpha", .init(alpha)), ("eps", .init(eps)), ("momentum", .init(momentum))]
    }
    return [("name", .plain(name)), ("lr", .init(learningRate))] + settings
      + [("weight_decay", .init(weightDecay))]
  }
}

extension ScheduleSpecification {
  var entries: RecipeWriter.Entries {
    let settings: RecipeWriter.Entries
    switch rule {
    case .constant: settings = [("name", .plain("constant"))]
    case .step(let stepSize, let gamma):
      settings = [("name", .plain("step")), ("step_size", .init(stepSize)), ("gamma", .init(gamma))]
    case .exponential(let gamma, let startEpoch):
      settings = [
        ("name", .plain("exponential")), ("gamma", .init(gamma)), ("start_epoch", .init(startEpoch)),
      ]
    case .cosine(let tMax, let minLR):
      settings = [("name", .plain("cosine")), ("t_max", .init(tMax)), ("min_lr", .init(minLR))]
    case .plateau(let factor, let patience, let threshold, let cooldown, let minLR, let metric):
      settings = [
        ("name", .plain("plateau")), ("factor", .init(factor)), ("patience", .init(patience)),
        ("threshold", .init(threshold)), ("cooldown", .init(cooldown)), ("min_lr", .init(minLR)),
        ("metric", .plain("\(metric)")),
      ]
    }
    return settings + [("warmup_steps", .init(warmupSteps))]
  }
}

extension TrainSpecification {
  var entries: RecipeWriter.Entries {
    [
      ("epochs", .init(epochs)), ("batch_size", .init(batchSize)), ("shuffle", .init(shuffle)),
      ("bucket_batches", .init(bucketBatches)),
      ("clip_norm", .init(clipNorm)), ("clip_value", .init(clipValue)), ("ema", .init(ema)),
      ("accumulate", .init(accumulate)),
      ("max_bad_steps", .init(maxBadSteps)), ("eval_every_epochs", .init(evalEveryEpochs)),
      ("log_every_steps", .init(logEverySteps)),
    ]
  }
}

extension EarlyStoppingSpecification {
  var entries: RecipeWriter.Entries {
    [("metric", .plain("\(metric)")), ("patience", .init(patience)), ("min_delta", .init(minDelta))]
  }
}

extension CheckpointSpecification {
  var entries: RecipeWriter.Entries {
    [
      ("every_epochs", .init(everyEpochs)), ("every_seconds", .init(everySeconds)),
      ("keep_last", .init(keepLast)), ("keep_best", .init(keepBest)), ("metric", .plain("\(metric)")),
    ]
  }
}

extension DistributedSpecification {
  var entries: RecipeWriter.Entries {
    [
      ("coordinator", .plain(coordinator.rawValue)), ("reduction", .plain(reduction.rawValue)),
      ("lanes", .init(lanes)), ("compress", .plain(compress.rawValue)),
      ("optimizer_sharding", .init(optimizerSharding)), ("replica_check_every", .init(replicaCheckEvery)),
      ("stall_timeout", .init(stallTimeout)),
    ]
  }
}
