import Diagnostics
import Recurrent

extension RecipeSection {
  private func name(_ choices: [String]) throws -> String {
    _ = try required("name")
    guard let name = try string("name"), choices.contains(name) else { throw unknownChoice("name", choices) }
    return name
  }

  /// Reads the `loss` section.
  func loss() throws -> Loss {
    try allow(RecipeKeys.loss)
    let name = try name(["mse", "mae", "huber", "cross_entropy", "bce_with_logits"])
    func only(_ keys: [String]) throws {
      try allow(["name"] + keys, others: RecipeKeys.loss, reason: "loss \(name)")
    }
    switch name {
    case "huber":
      try only(["delta"])
      return .huber(delta: try float("delta", .positive) ?? 1)
    case "cross_entropy":
      try only(["ignore_index", "class_weights", "label_smoothing"])
      return .crossEntropy(
        ignoreIndex: Int32(try int("ignore_index", Int(Int32.min)...Int(Int32.max)) ?? -100),
        classWeights: try classWeights(), labelSmoothing: try float("label_smoothing", .probability) ?? 0)
    default:
      try only([])
      return name == "mse" ? .mse : name == "mae" ? .mae : .bceWithLogits
    }
  }

  private func classWeights() throws -> [Float]? {
    guard let node = self["class_weights"] else { return nil }
    guard case .list(let items) = node.content, !items.isEmpty else {
      throw wrong(node, "class_weights", "a list of numbers, one per class")
    }
    return try items.map { try float($0, "class_weights", .notNegative) }
  }

  /// Reads the `optimizer` section.
  func optimizerSpecification() throws -> OptimizerSpecification {
    try allow(RecipeKeys.optimizer)
    let name = try name(["sgd", "adam", "adamw", "rmsprop"])
    func only(_ keys: [String]) throws {
      let common = ["name", "lr", "weight_decay"]
      try allow(common + keys, others: RecipeKeys.optimizer, reason: "optimizer \(name)")
    }
    let rule: OptimizerSpecification.Rule
    switch name {
    case "sgd":
      try only(["momentum", "dampening", "nesterov"])
      rule = try sgd()
    case "rmsprop":
      try only(["alpha", "eps", "momentum"])
      rule = .rmsprop(
        alpha: try double("alpha", .probability) ?? 0.99, eps: try double("eps", .notNegative) ?? 1e-8,
        momentum: try double("momentum", .notNegative) ?? 0)
    default:
      try only(["betas", "eps"])
      let (beta1, beta2) = try betas()
      let eps = try double("eps", .notNegative) ?? 1e-8
      rule =
        name == "adam"
        ? .adam(beta1: beta1, beta2: beta2, eps: eps) : .adamW(beta1: beta1, beta2: beta2, eps: eps)
    }
    return OptimizerSpecification(
      rule, learningRate: try double("lr", .notNegative),
      weightDecay: try double("weight_decay", .notNegative))
  }

  private func sgd() throws -> OptimizerSpecification.Rule {
    let momentum = try double("momentum", .notNegative) ?? 0
    let dampening = try double("dampening", .any) ?? 0
    let nesterov = try bool("nesterov") ?? false
    if nesterov, momentum == 0 || dampening != 0 {
      throw try required("nesterov").failure(
        "optimizer.nesterov needs a momentum above 0 and no dampening")
    }
    return .sgd(momentum: momentum, dampening: dampening, nesterov: nesterov)
  }

  private func betas() throws -> (Double, Double) {
    guard let node = self["betas"] else { return (0.9, 0.999) }
    guard case .list(let items) = node.content, items.count == 2 else {
      throw wrong(node, "betas", "a list of two numbers such as [0.9, 0.999]")
    }
    return (try number(items[0], "betas", .belowOne), try number(items[1], "betas", .belowOne))
  }

  /// Reads the `schedule` section.
  func scheduleSpecification() throws -> ScheduleSpecification {
    try allow(RecipeKeys.schedule)
    let name = try name(["constant", "step", "exponential", "cosine", "plateau"])
    func only(_ keys: [String]) throws {
      try allow(["name", "warmup_steps"] + keys, others: RecipeKeys.schedule, reason: "schedule \(name)")
    }
    let rule: ScheduleSpecification.Rule
    switch name {
    case "step":
      try only(["step_size", "gamma"])
      _ = try required("step_size")
      rule = .step(stepSize: try int("step_size") ?? 1, gamma: try double("gamma", .positive) ?? 0.1)
    case "exponential":
      try only(["gamma", "start_epoch"])
      _ = try required("gamma")
      rule = .exponential(
        gamma: try double("gamma", .positive) ?? 1,
        startEpoch: try int("start_epoch", 0...Int(Int32.max)) ?? 0)
    case "cosine":
      try only(["t_max", "min_lr"])
      rule = .cosine(tMax: try int("t_max"), minLR: try double("min_lr", .notNegative) ?? 0)
    case "plateau":
      try only(["factor", "patience", "threshold", "cooldown", "min_lr", "metric"])
      rule = try plateau()
    default:
      try only([])
      rule = .constant
    }
    return ScheduleSpecification(rule, warmupSteps: try int("warmup_steps", 0...Int(Int32.max)) ?? 0)
  }

  private func plateau() throws -> ScheduleSpecification.Rule {
    .plateau(
      factor: try double("factor", .belowOne) ?? 0.1,
      patience: try int("patience", 0...Int(Int32.max)) ?? 10,
      threshold: try double("threshold", .notNegative) ?? 1e-4,
      cooldown: try int("cooldown", 0...Int(Int32.max)) ?? 0,
      minLR: try double("min_lr", .notNegative) ?? 0,
      metric: try metric("metric") ?? MetricName(.validation, .loss))
  }
}
