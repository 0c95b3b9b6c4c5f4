extension RecipeGenerator {
  /// Whether targets are one for each step, which only `every_step` reads.
  private var readsEveryStep: Bool { kind.hasTargetPerStep || recipe["data.per_step"] == true }

  mutating func drawModel() {
    let canBePlain = !readsEveryStep && !kind.isUnequal
    let cell = dice.pick(["rnn", "lstm", "gru"] + (canBePlain ? ["none"] : []))
    if kind == .pairs { decoder = .tokens }
    if [.csvValues, .csvHorizons].contains(kind), !readsEveryStep, cell != "none", dice.chance(0.25) {
      decoder = .numbers
    }
    recipe["model"] = ["cell": .text(cell)]
    if cell != "none" {
      drawLayers(cell)
      switch decoder {
      case .none: drawOptions(cell)
      case .tokens: drawDecoder()
      case .numbers: drawNumberDecoder()
      }
      if kind.isTokens { drawEmbedding() }
    }
    if recipe["data.categorical"] != nil, dice.chance(0.5) {
      recipe["model.category_embedding"] = dice.pick(["auto", 3])
      if cell != "none" { maybe(0.5, "model.category_dropout", 0.2) }
    }
    recipe["model.head"] = .list(drawHead())
  }

  private mutating func drawLayers(_ cell: String) {
    let layers = dice.pick([1, 1, 2, 3])
    if layers > 1, decoder == nil, dice.chance(0.3) {
      recipe["model.hidden_size"] = .list((0..<layers).map { _ in .integer(dice.pick([2, 5, 9])) })
    } else {
      recipe["model.hidden_size"] = .integer(dice.pick([1, 3, 8, 17]))
      if layers > 1 || dice.chance(0.5) { recipe["model.num_layers"] = .integer(layers) }
    }
    if cell == "rnn" { maybe(0.4, "model.nonlinearity", "relu", "tanh") }
    if kind != .text { maybe(0.35, "model.bidirectional", true) }
    maybe(0.15, "model.bias", false)
    maybe(0.3, "model.dropout", 0.1, 0.5)
    maybe(0.15, "model.init_range", 0.1)
    if decoder == nil, readsEveryStep || dice.chance(0.8) {
      let others: [Tree] = ["last_step", "final_state"] + (kind.isUnequal ? [] : ["all_steps"])
      recipe["model.readout"] = readsEveryStep ? "every_step" : dice.pick(others)
    }
  }

  private var widths: [Int] {
    recipe["model.hidden_size"]?.list?.compactMap(\.integer) ?? [recipe["model.hidden_size"]?.integer ?? 1]
  }

  private mutating func drawOptions(_ cell: String) {
    maybe(0.2, "model.input_dropout", 0.2)
    if recipe["model.dropout"] != nil || recipe["model.input_dropout"] != nil {
      maybe(0.4, "model.locked_dropout", true)
    }
    maybe(0.2, "model.recurrent_dropout", 0.3)
    maybe(0.2, "model.layer_norm", true)
    if recipe["model.layer_norm"] == nil {
      if cell == "gru" { maybe(0.3, "model.reset_after", false, true) }
      if cell == "lstm" { maybe(0.3, "model.peepholes", true) }
    }
    if dice.chance(0.2) {
      recipe["model.zoneout"] =
        cell == "lstm" && dice.chance(0.5)
        ? ["hidden": 0.1, "cell": 0.2]
        : dice.chance(0.3) ? ["hidden": 0.1] : 0.15
    }
    let least = widths.min()!
    if cell == "lstm", least > 1, dice.chance(0.3) {
      recipe["model.proj_size"] = .integer(dice.within(1...least - 1))
    }
    let isDeep = widths.count > 1 || (recipe["model.num_layers"]?.integer ?? 1) > 1
    if isDeep, Set(widths).count == 1 || recipe["model.proj_size"] != nil {
      maybe(0.3, "model.residual", true)
    }
    if kind != .text { maybe(0.2, "model.learned_initial_state", true) }
    if dice.chance(0.25) {
      recipe["model.init"] = ["orthogonal": .flag(dice.chance(0.8))]
      if cell == "lstm", recipe["model.bias"] == nil { maybe(0.6, "model.init.forget_bias", 1) }
    }
  }

  private mutating func drawDecoder() {
    recipe["model.decoder"] = ["embedding": .integer(dice.pick([2, 6]))]
    maybe(0.8, "model.decoder.attention", "none", "dot", "general")
    maybe(0.6, "model.decoder.beam", 1, 2, 4)
  }

  private mutating func drawNumberDecoder() {
    recipe["model.decoder"] = ["attention": .text(dice.pick(["none", "dot", "general"]))]
    maybe(0.7, "model.decoder.teacher_forcing", 0, 0.5, 1)
  }

  private mutating func drawEmbedding() {
    recipe["model.embedding"] = .integer(dice.pick([1, 4, 8]))
    maybe(0.25, "model.embedding_dropout", 0.2)
    // Of the kinds with an embedding only a text predicts what it reads.
    guard kind == .text, dice.chance(0.3) else { return }
    recipe["model.tie_embeddings"] = true
    recipe["model.proj_size"] = nil
    recipe["model.hidden_size"] = recipe["model.embedding"]
    if recipe["model.num_layers"] == nil { recipe["model.residual"] = nil }
  }

  private mutating func drawHead() -> [Tree] {
    if recipe["model.tie_embeddings"] == true { return [["linear": "classes"]] }
    var head: [Tree] = []
    if dice.chance(0.35) {
      head += [["linear": .integer(dice.pick([1, 4, 9]))], .text(dice.pick(["relu", "tanh", "sigmoid"]))]
    }
    if dice.chance(0.3) { head.append(["dropout": 0.2]) }
    let steps = decoder == .numbers ? horizons : 1
    let size: Tree = targetWidth.map { .integer($0 / steps) } ?? classWidth()
    head.append(dice.chance(0.8) ? ["linear": size] : ["linear": ["size": size, "bias": false]])
    return head
  }

  /// As many outputs as there are classes, or where that is known some more.
  private mutating func classWidth() -> Tree {
    kind.isTokens || dice.chance(0.7) ? "classes" : .integer(dice.pick([DataFiles.classes, 5]))
  }
}
