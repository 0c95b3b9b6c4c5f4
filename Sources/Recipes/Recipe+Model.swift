import Diagnostics
import Recurrent

extension RecipeSection {
  /// Reads the `model` section.
  func modelSpecification() throws -> ModelSpecification {
    try allow(RecipeKeys.model)
    _ = try required("cell")
    let cell: Architecture.Cell = try choice("cell") ?? .none
    if cell == .none { try allow(["cell", "head"], others: RecipeKeys.model, reason: "cell: none") }
    var model = ModelSpecification(cell: cell, head: try required("head").headLayers())
    guard cell != .none else { return model }
    if let section = try section("init") { model.initialization = try section.initialization(cell) }

    _ = try required("hidden_size")
    try readSizes(into: &model)
    model.nonlinearity = try choice("nonlinearity") ?? model.nonlinearity
    if cell != .rnn, model.nonlinearity != .tanh {
      throw try required("nonlinearity").failure("model.nonlinearity: relu applies to cell: rnn only")
    }
    model.bidirectional = try bool("bidirectional") ?? model.bidirectional
    model.bias = try bool("bias") ?? model.bias
    model.dropout = try float("dropout", .belowOne) ?? model.dropout
    model.readout = try choice("readout") ?? model.readout
    try readOptions(into: &model)
    if !model.bias, model.initialization.forgetBias != nil {
      throw try required("bias").failure("model.init.forget_bias needs model.bias")
    }
    model.embedding = try int("embedding", 1...1 << 20)
    model.embeddingDropout = try float("embedding_dropout", .belowOne) ?? 0
    model.tiesEmbeddings = try bool("tie_embeddings") ?? false
    for key in ["embedding_dropout", "tie_embeddings"] where model.embedding == nil && has(key) {
      throw try required(key).failure("model.\(key) needs model.embedding")
    }
    model.initRange = try float("init_range", .positive)
    model.decoder = try section("decoder")?.decoder()
    return model
  }

  /// One width for all layers, or a list of widths.
  private func readSizes(into model: inout ModelSpecification) throws {
    let sizes = try ints("hidden_size", 1...1 << 20) ?? []
    let layers = try int("num_layers", 1...4096)
    guard sizes.count > 1 else {
      (model.hiddenSize, model.layers) = (sizes.first ?? 0, layers ?? 1)
      return
    }
    if let layers, layers != sizes.count {
      throw try required("num_layers").failure(
        "model.num_layers is \(layers), but model.hidden_size has \(sizes.count) widths; leave it out")
    }
    (model.hiddenSizes, model.hiddenSize, model.layers) = (sizes, sizes.max() ?? 0, sizes.count)
  }

  private func readOptions(into model: inout ModelSpecification) throws {
    model.inputDropout = try float("input_dropout", .belowOne) ?? 0
    model.lockedDropout = try bool("locked_dropout") ?? false
    if model.lockedDropout, model.dropout == 0, model.inputDropout == 0 {
      throw try required("locked_dropout").failure(
        "model.locked_dropout needs model.dropout or model.input_dropout; recurrent_dropout is always locked")
    }
    model.recurrentDropout = try float("recurrent_dropout", .belowOne) ?? 0
    model.zoneout = try zoneout(model.cell)
    model.projectionSize = try int("proj_size", 0...1 << 20) ?? 0
    if model.projectionSize > 0, model.cell != .lstm {
      throw try required("proj_size").failure("model.proj_size applies to cell: lstm only")
    }
    let least = model.hiddenSizes?.min() ?? model.hiddenSize
    if model.projectionSize >= least {
      throw try required("proj_size").failure(
        "model.proj_size must be smaller than model.hidden_size (\(least)), not \(model.projectionSize)")
    }
    model.layerNorm = try bool("layer_norm") ?? false
    model.residual = try bool("residual") ?? false
    model.learnedInitialState = try bool("learned_initial_state") ?? false
    guard model.residual else { return }
    if model.layers == 1 {
      throw try required("residual").failure("model.residual needs at least two layers")
    }
    if let sizes = model.hiddenSizes, model.projectionSize == 0, Set(sizes).count > 1 {
      throw try required("residual").failure("model.residual needs layers of equal width, not \(sizes)")
    }
  }

  /// One probability for h (and for an LSTM c too), or one for each.
  private func zoneout(_ cell: Architecture.Cell) throws -> Architecture.Zoneout {
    guard let node = self["zoneout"] else { return .init() }
    guard case .map = node.content else {
      let both = try float("zoneout", .belowOne) ?? 0
      return .init(hidden: both, cell: cell == .lstm ? both : 0)
    }
    let section = try RecipeSection(node, path: "model.zoneout")
    try section.allow(["hidden", "cell"])
    let zoneout = Architecture.Zoneout(
      hidden: try section.float("hidden", .belowOne) ?? 0, cell: try section.float("cell", .belowOne) ?? 0)
    if zoneout.cell > 0, cell != .lstm {
      throw try section.required("cell").failure("model.zoneout.cell applies to cell: lstm only")
    }
    return zoneout
  }

  private func initialization(_ cell: Architecture.Cell) throws -> Architecture.Initialization {
    try allow(RecipeKeys.initialization)
    var changes = Architecture.Initialization()
    changes.orthogonal = try bool("orthogonal") ?? false
    changes.forgetBias = try float("forget_bias", .any)
    if changes.forgetBias != nil, cell != .lstm {
      throw try required("forget_bias").failure("model.init.forget_bias applies to cell: lstm only")
    }
    return changes
  }
}

extension RecipeSection {
  fileprivate func decoder() throws -> DecoderSpecification {
    try allow(RecipeKeys.decoder)
    _ = try required("embedding")
    var decoder = DecoderSpecification(embedding: try int("embedding", 1...1 << 20) ?? 1)
    decoder.attention = try choice("attention") ?? decoder.attention
    decoder.beam = try int("beam", 1...1000) ?? decoder.beam
    return decoder
  }
}

extension RecipeNode {
  private static let layerNames = ["linear", "relu", "tanh", "sigmoid", "dropout"]

  fileprivate func headLayers() throws -> [Architecture.HeadLayer] {
    guard case .list(let items) = content else {
      throw failure("model.head must be a list such as [{linear: 10}], not \(kindName)")
    }
    return try items.map { try $0.headLayer() }
  }

  private func headLayer() throws -> Architecture.HeadLayer {
    switch content {
    case .scalar("relu"): return .relu
    case .scalar("tanh"): return .tanh
    case .scalar("sigmoid"): return .sigmoid
    case .scalar("linear"): throw failure("model.head: linear needs its width, as in {linear: 10}")
    case .scalar("dropout"): throw failure("model.head: dropout needs its probability, as in {dropout: 0.5}")
    case .map(let entries) where entries.count == 1: return try entries[0].headLayer()
    case .map: throw failure("model.head: one layer per item, such as - linear: 10")
    default: throw unknownLayer(kindName)
    }
  }

  fileprivate func unknownLayer(_ name: String) -> Failure {
    let near = nearestName(to: name, among: Self.layerNames).map { "; did you mean \($0)?" } ?? ""
    let choices = Self.layerNames.joined(separator: ", ")
    return failure("model.head: a layer must be one of \(choices), not \(name)\(near)")
  }
}

extension RecipeSection {
  /// A layer's width: a number, or `classes`.
  fileprivate func width(_ key: String) throws -> Int? {
    if case .scalar("classes")? = self[key]?.content { return ModelSpecification.classes }
    return try int(key, 1...1 << 24)
  }
}

extension RecipeNode.Entry {
  /// `linear: 10`, `linear: {size: 10, bias: false}` or `dropout: 0.5`.
  fileprivate func headLayer() throws -> Architecture.HeadLayer {
    let settings = RecipeNode(content: .map([self]), origin: origin)
    let section = try RecipeSection(settings, path: "model.head")
    switch key {
    case "linear":
      if case .map = value.content { return try linearLayer() }
      guard let size = try section.width("linear") else { throw missing("its width") }
      return .linear(size)
    case "dropout":
      guard let probability = try section.float("dropout", .belowOne) else {
        throw missing("its probability")
      }
      return .dropout(probability)
    default: throw RecipeNode(content: .null, origin: origin).unknownLayer(key)
    }
  }

  private func linearLayer() throws -> Architecture.HeadLayer {
    let section = try RecipeSection(value, path: "model.head.linear")
    try section.allow(["size", "bias"])
    guard let size = try section.width("size") else { throw missing("its size") }
    return .linear(size, bias: try section.bool("bias") ?? true)
  }

  private func missing(_ what: String) -> Failure { .badData("\(origin): model.head: \(key) needs \(what)") }
}
