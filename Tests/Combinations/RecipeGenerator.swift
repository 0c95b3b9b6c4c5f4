/// Draws recipes that must train: everything a recipe can say, in combinations that the program's own rules allow.
struct RecipeGenerator {
  var dice: Dice
  var kind = DataKind.csvValues
  var recipe: Tree = [:]
  /// What the network's decoder writes, if it has one.
  var decoder: DecoderKind?
  enum DecoderKind { case tokens, numbers }

  init(_ dice: Dice) { self.dice = dice }

  mutating func draw() -> (DataKind, Tree) {
    kind = dice.pick(DataKind.allCases)
    recipe = ["seed": .integer(dice.pick([0, 1, 42, Int.max]))]
    if dice.chance(0.5) { recipe["name"] = "combination" }
    if dice.chance(0.15) { recipe["precision"] = .text(dice.pick(["fp32", "bf16", "bf16"])) }
    drawData()
    drawModel()
    drawLoss()
    drawOptimizer()
    drawTraining()
    drawSchedule()
    drawSaving()
    drawRanks()
    return (kind, recipe)
  }

  /// With some chance, sets a key to one of these values.
  mutating func maybe(_ share: Double, _ path: String, _ values: Tree...) {
    if dice.chance(share) { recipe[path] = dice.pick(values) }
  }

  /// How many numbers are predicted for a sample, or for a step of it; nil for classes.
  var targetWidth: Int? {
    if kind.isOfClasses { return nil }
    guard kind.format == "csv" else { return kind == .npyValues ? 2 : 1 }
    return (recipe["data.targets"]?.list?.count ?? 1) * horizons
  }

  /// How many rows of targets a window has.
  var horizons: Int {
    let horizons = recipe["data.horizon"]?.list?.compactMap(\.integer) ?? [0]
    return horizons.count == 2 ? horizons[1] - horizons[0] + 1 : horizons.count
  }

  var hasValidation: Bool {
    recipe["data.split.validation"] != nil || recipe["data.validation_path"] != nil
  }
}

// MARK: - data

extension RecipeGenerator {
  private mutating func drawData() {
    recipe["data"] = ["format": .text(kind.format), "path": .text(DataFiles.main(of: kind))]
    if kind == .npyClasses || kind == .npyValues { recipe["data.labels_path"] = "labels.npy" }
    if let endings = kind.shardEndings { drawShards(endings) }
    if ["csv", "npy"].contains(kind.format) || kind == .idxShards {
      maybe(0.2, "data.memory", "1kB", "2GiB", "1.5MB")
    }
    if ["csv", "npy", "idx"].contains(kind.format) { maybe(0.2, "data.shuffle_block", 1, 3, 100) }
    if kind.format == "csv" { drawColumns() }
    if ["csv", "npy", "ts"].contains(kind.format) {
      maybe(0.6, "data.scale", "none", "minmax", "standard")
      maybe(0.3, "data.fit_scale_on", "train", "all")
    }
    if kind.format == "ts" { maybe(0.4, "data.gaps", "mean", "mask") }
    switch kind {
    case .text:
      recipe["data.tokens"] = .text(dice.pick(["char", "char", "word", "byte"]))
      maybe(0.8, "data.sequence_length", 1, 4, 11)
      if recipe["data.tokens"] != "byte" {
        maybe(0.3, "data.min_count", 2)
        maybe(0.3, "data.vocabulary", 2, 9)
      }
    case .tagged:
      maybe(0.4, "data.min_count", 1, 2)
      maybe(0.3, "data.vocabulary", 7)
      if dice.chance(0.4) { (recipe["data.token_column"], recipe["data.tag_column"]) = (1, 2) }
    case .pairs:
      recipe["data.tokens"] = .text(dice.pick(["char", "word"]))
      maybe(0.6, "data.target_tokens", "char", "word")
      maybe(0.3, "data.min_count", 2)
    default: break
    }
    drawParts()
    if kind.format == "csv", !kind.isGrouped, !kind.isOfTexts { drawSplitOfSeries() }
  }

  /// Folders, patterns or lists of files.
  private mutating func drawShards(_ endings: (inputs: String, labels: String)) {
    recipe["data.labels_path"] = .text(dice.pick(["labels", "labels/*\(endings.labels)"]))
    if dice.chance(0.3) { recipe["data.path"] = .text("inputs/?\(endings.inputs)") }
    guard dice.chance(0.5) else { return }
    (recipe["data.path"], recipe["data.labels_path"]) = (nil, nil)
    recipe["data.paths"] = .list([
      .text("inputs/0\(endings.inputs)"), .text("inputs/[12]\(endings.inputs)"),
    ])
    recipe["data.labels_paths"] = .list(["labels/*"])
  }

  /// What is for training, for validation and for a test: shares of one file, or files of their own.
  private mutating func drawParts() {
    if kind != .idx, dice.chance(0.2) {
      for part in dice.pick([["validation"], ["test"], ["validation", "test"]]) {
        recipe["data.\(part)_path"] = .text(DataFiles.part(part, of: kind))
        if kind.format == "npy" || kind == .idxShards {
          recipe["data.\(part)_labels_path"] = .text(
            "\(part)-labels\(kind.shardEndings?.labels ?? ".npy")")
        }
      }
      return
    }
    // The test part of idx is a file of its own.
    let splits: [Tree] =
      kind == .idx
      ? [["train": 0.7, "validation": "rest"], ["train": "rest", "validation": 5]]
      : [
        ["train": 0.6, "validation": 0.2, "test": "rest"], ["train": 0.7, "test": "rest"],
        ["train": 0.7, "validation": "rest"], ["train": "rest", "validation": 5, "test": 3],
      ]
    if dice.chance(0.85) { recipe["data.split"] = dice.pick(splits) }
  }

  private mutating func drawColumns() {
    maybe(0.25, "data.delimiter", ";", "\t", "|")
    maybe(0.2, "data.header", false, true)
    if recipe["data.delimiter"] != nil { maybe(0.4, "data.decimal", ",") }
    maybe(0.1, "data.thousands", "'")
    // A label can't be filled in, nor a gap between two sequences.
    let fills: [Tree] = kind.isGrouped || kind.hasLabel || kind.isOfTexts ? [] : ["previous", "linear"]
    if dice.chance(0.3) { recipe["data.gaps"] = dice.pick(["error", "drop"] + fills) }
    let hasNames = recipe["data.header"] != false
    func column(_ name: String) -> Tree {
      .text(hasNames ? name : "\(DataFiles.columns.firstIndex(of: name)!)")
    }
    if kind.isOfTexts {
      recipe["data.text"] = column("text")
      recipe["data.tokens"] = .text(dice.pick(["char", "word", "byte"]))
      if recipe["data.tokens"] != "byte" {
        maybe(0.3, "data.min_count", 2)
        maybe(0.3, "data.vocabulary", 2, 9)
      }
    } else {
      recipe["data.features"] = .list(dice.pick([["a", "b"], ["a"], ["b", "a", "y"]]).map(column))
    }
    if kind.hasLabel {
      recipe["data.label"] = column("label")
    } else {
      // Between 0 and 1 is what bce_with_logits is for.
      let targets = dice.pick([
        ["y"], ["y", "z"], ["a", "y"], ["share"], ["share", "other share"], ["other share"],
      ])
      recipe["data.targets"] = .list(targets.map(column))
    }
    if kind.isPerStep { recipe["data.per_step"] = true }
    if kind.isGrouped {
      recipe["data.group"] = column("group")
    } else if !kind.isOfTexts {
      maybe(0.8, "data.window", 1, 2, 5, 9)
      if kind == .csvHorizons {
        recipe["data.horizon"] = dice.pick([[1, 3], [0, 2, 5]])
        maybe(0.2, "data.per_step", true)
      } else {
        maybe(0.6, "data.horizon", 0, 1, 3)
      }
    }
    if !kind.isOfTexts { drawSeries(column) }
  }

  /// Whether all targets are whole numbers from 0 on; they are not scaled.
  var hasCounts: Bool {
    let names = recipe["data.targets"]?.list?.compactMap(\.text) ?? []
    return !names.isEmpty
      && names.allSatisfy { [$0, Int($0).map { DataFiles.columns[$0] }].contains("other share") }
  }

  /// Whether all targets lie between 0 and 1, also when they are scaled.
  var hasShares: Bool {
    guard (recipe["data.scale"] ?? "none") == "none" else { return false }
    if kind == .npyValues { return true }
    let names = recipe["data.targets"]?.list?.compactMap(\.text) ?? []
    return !names.isEmpty
      && names.allSatisfy {
        $0.hasSuffix("share") || (Int($0).map { DataFiles.columns[$0].hasSuffix("share") } ?? false)
      }
  }
}
