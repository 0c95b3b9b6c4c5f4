import Diagnostics
import Files
import Foundation
import Recurrent

extension Recipe {
  /// Reads a YAML file. Relative data paths start at its folder, those of `overrides` where this process stands.
  /// - overrides: `key.path=value` with YAML values, applied in order before anything is checked.
  /// - Throws: a `Failure` that names file, line, column and key.
  public init(contentsOf path: String, overrides: [String] = []) throws {
    try self.init(RecipeText(path), overrides: overrides)
  }

  package init(_ text: RecipeText, overrides: [String] = []) throws {
    try self.init(yaml: text.yaml, path: text.path, baseDirectory: text.folder, overrides: overrides)
  }

  /// Reads YAML text. `path` names it in messages; relative data paths start at `baseDirectory`, those of `overrides` where this
  /// process stands.
  public init(yaml: String, path: String, baseDirectory: String, overrides: [String] = []) throws {
    var node = try RecipeNode(yaml: yaml) { .file(path, line: $0, column: $1) }
    for override in overrides { try node.apply(override: override) }
    let root = try RecipeSection(node, path: "")
    try root.allow(RecipeKeys.root)

    let stem = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    self.name = try root.runName() ?? stem
    self.seed = UInt64(try root.int("seed", 0...Int.max) ?? 0)
    precision = try root.choice("precision") ?? precision
    self.data = try root.requiredSection("data").dataSpecification(baseDirectory: baseDirectory)
    self.model = try root.requiredSection("model").modelSpecification()
    self.loss = try root.requiredSection("loss", shorthand: true).loss()
    self.data.targetRange = loss.targetRange
    self.train = try root.requiredSection("train").trainSpecification()
    if let section = try root.section("optimizer", shorthand: true) {
      optimizer = try section.optimizerSpecification()
    }
    if let section = try root.section("schedule", shorthand: true) {
      schedule = try section.scheduleSpecification()
    }
    earlyStopping = try root.section("early_stopping")?.earlyStoppingSpecification()
    if let section = try root.section("checkpoint") { checkpoint = try section.checkpointSpecification() }
    if let section = try root.section("distributed") { distributed = try section.distributedSpecification() }
  }

  /// The same recipe after all checks that a recipe from a file goes through.
  package func validated() throws -> Recipe {
    try Recipe(yaml: effectiveYAML, path: "recipe \(name)", baseDirectory: "/")
  }
}

/// The text of a recipe, which is read once: it may come from a FIFO or from standard input.
package struct RecipeText: Sendable {
  package let path: String
  let yaml: String
  /// What its relative paths start at.
  let folder: String

  /// A recipe is a page of text; what is far larger is something else.
  private static let sizeLimit = 1 << 20

  /// - allowsStream: whether a FIFO or `-` will do; not where several ranks would share it.
  package init(_ path: String, allowsStream: Bool = false) throws(Failure) {
    let file = try InputFile(path: path, key: "the recipe", allowsStream: allowsStream, limit: Self.sizeLimit)
    try self.init(file)
  }

  /// - file: read whole.
  package init(_ file: InputFile) throws(Failure) {
    guard let text = try file.text(), !text.utf8.contains(0) else {
      throw file.failure("not UTF-8 text; this is no recipe")
    }
    (path, yaml) = (file.path, text)
    folder = file.isRepeatable ? Paths.folder(of: Paths.absolute(file.path)) : Paths.current
  }
}

extension RecipeSection {
  func requiredSection(_ key: String, shorthand: Bool = false) throws -> RecipeSection {
    try RecipeSection(try required(key), path: fullPath(key), shorthand: shorthand)
  }

  /// The recipe's name: it becomes a folder's name.
  fileprivate func runName() throws -> String? {
    guard let name = try string("name") else { return nil }
    let isSafe = name.unicodeScalars.allSatisfy { $0 != "/" && $0.properties.generalCategory != .control }
    guard isSafe, name != ".", name != "..", name.utf8.count <= 100 else {
      throw try required("name").failure("name must work as a folder's name: no slash, at most 100 bytes")
    }
    return name
  }

  fileprivate func trainSpecification() throws -> TrainSpecification {
    try allow(RecipeKeys.train)
    _ = try (required("epochs"), required("batch_size"))
    var train = TrainSpecification(epochs: try int("epochs") ?? 0, batchSize: try int("batch_size") ?? 0)
    train.shuffle = try bool("shuffle") ?? train.shuffle
    train.bucketBatches = try int("bucket_batches") ?? train.bucketBatches
    train.clipNorm = try double("clip_norm", .positive)
    train.clipValue = try double("clip_value", .positive)
    if train.clipNorm != nil, train.clipValue != nil {
      throw try required("clip_value").failure(
        "train.clip_value and train.clip_norm exclude each other; keep one")
    }
    train.ema = try double("ema", .belowOne)
    train.accumulate = try int("accumulate") ?? train.accumulate
    train.maxBadSteps = try int("max_bad_steps") ?? train.maxBadSteps
    train.evalEveryEpochs = try int("eval_every_epochs") ?? train.evalEveryEpochs
    train.logEverySteps = try int("log_every_steps", 0...Int(Int32.max)) ?? train.logEverySteps
    return train
  }

  fileprivate func earlyStoppingSpecification() throws -> EarlyStoppingSpecification {
    try allow(RecipeKeys.earlyStopping)
    var stopping = EarlyStoppingSpecification()
    stopping.metric = try metric("metric") ?? stopping.metric
    stopping.patience = try int("patience") ?? stopping.patience
    stopping.minDelta = try double("min_delta", .notNegative) ?? stopping.minDelta
    return stopping
  }

  fileprivate func checkpointSpecification() throws -> CheckpointSpecification {
    try allow(RecipeKeys.checkpoint)
    var checkpoint = CheckpointSpecification()
    checkpoint.everyEpochs = try int("every_epochs")
    checkpoint.everySeconds = try double("every_seconds", .positive)
    checkpoint.keepLast = try int("keep_last") ?? checkpoint.keepLast
    checkpoint.keepBest = try int("keep_best", 0...Int(Int32.max)) ?? checkpoint.keepBest
    checkpoint.metric = try metric("metric") ?? checkpoint.metric
    return checkpoint
  }

  fileprivate func distributedSpecification() throws -> DistributedSpecification {
    try allow(RecipeKeys.distributed)
    var distributed = DistributedSpecification()
    distributed.coordinator = try choice("coordinator") ?? distributed.coordinator
    distributed.reduction = try choice("reduction") ?? distributed.reduction
    distributed.lanes = try int("lanes", 1...4096) ?? distributed.lanes
    distributed.compress = try choice("compress") ?? distributed.compress
    distributed.optimizerSharding = try bool("optimizer_sharding") ?? distributed.optimizerSharding
    if distributed.reduction == .strict {
      if distributed.compress != .none { throw try notStrict("compress", "none") }
      if distributed.optimizerSharding { throw try notStrict("optimizer_sharding", "false") }
    }
    distributed.replicaCheckEvery =
      try int("replica_check_every", 0...Int(Int32.max)) ?? distributed.replicaCheckEvery
    distributed.stallTimeout = try double("stall_timeout", .positive) ?? distributed.stallTimeout
    return distributed
  }

  private func notStrict(_ key: String, _ value: String) throws -> Failure {
    try required(key).failure(
      "\(fullPath(key)) would make the bits depend on the number of ranks; set it to \(value), or distributed.reduction to fast"
    )
  }

  /// `validation.loss` and the like.
  func metric(_ key: String) throws -> MetricName? {
    guard let text = try string(key) else { return nil }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 2, let part = MetricName.Part(rawValue: parts[0]),
      let quantity = MetricName.Quantity(rawValue: parts[1]),
      MetricName.all.contains(MetricName(part, quantity))
    {
      return MetricName(part, quantity)
    }
    throw unknownChoice(key, MetricName.all.map(\.description))
  }
}

extension MetricName {
  /// What can be decided on: of the training part only what is measured while training.
  static let all: [MetricName] =
    [MetricName(.train, .loss), MetricName(.train, .accuracy)]
    + Quantity.allCases.map { MetricName(.validation, $0) }
}
