import Batches
import Dataset
import Diagnostics
import Recurrent

extension Recipe {
  /// The network for data of this shape.
  /// - Throws: a `Failure` where the network, the loss and the data don't fit together.
  public func network(for shape: SampleShape) throws -> Network {
    var network = model.network
    (network.inputSize, network.steps) = (shape.features, shape.steps)
    network.embedding = try embedding(for: shape)
    network.categories = try categories(for: shape)
    network.decoder = try decoder(for: shape)
    if network.decoder != nil { network.readout = .everyStep }
    network.head = model.headLayers(
      for: network.decoder?.numbers.map { .values(width: $0.targets) } ?? shape.target,
      outputsPerTarget: loss.outputsPerTarget)
    if shape.tokens != nil, model.learnedInitialState {
      throw Failure.badData(
        "recipe \(name): model.learned_initial_state is for sequences that begin anew; text carries its state on"
      )
    }
    try network.validate()
    try loss.check(shape.target, network)
    try checkSteps(network, shape)
    return network
  }

  private func embedding(for shape: SampleShape) throws -> Network.Embedding? {
    guard let vocabulary = shape.vocabulary else {
      if model.embedding == nil { return nil }
      throw Failure.badData(
        "recipe \(name): model.embedding is for tokens, but this data has numbers; remove it")
    }
    guard let width = model.embedding else {
      throw Failure.badData(
        "recipe \(name): this data has tokens; set model.embedding to the size of their vectors")
    }
    if model.bidirectional, data.format == .text {
      throw Failure.badData(
        "recipe \(name): with model.bidirectional the network would see the text it is to predict")
    }
    var embedding = Network.Embedding(vocabulary: vocabulary, width: width)
    embedding.dropout = model.embeddingDropout
    embedding.isTied = model.tiesEmbeddings
    return embedding
  }

  /// A table for each categorical column.
  private func categories(for shape: SampleShape) throws -> [Network.Embedding] {
    let used = [
      ("category_embedding", model.categoryEmbedding != nil), ("category_dropout", model.categoryDropout > 0),
    ]
    if shape.categories.isEmpty, let (key, _) = used.first(where: \.1) {
      throw Failure.badData(
        "recipe \(name): model.\(key) is for categorical columns, but this data has none; remove it")
    }
    let (widths, names) = (model.categoryEmbedding ?? .auto, data.categorical)
    if case .columns(let columns) = widths {
      for column in columns where !names.contains(column.name) {
        throw Failure.badData(
          "recipe \(name): model.category_embedding: \(column.name) is no column of data.categorical")
      }
    }
    return shape.categories.enumerated().map { index, size in
      let name = index < names.count ? names[index] : nil
      var table = Network.Embedding(
        vocabulary: size, width: widths.width(of: name, categories: size - 1))
      table.dropout = model.categoryDropout
      return table
    }
  }

  /// Refuses readouts that these samples have no use for, or can't be read with.
  private func checkSteps(_ network: Network, _ shape: SampleShape) throws {
    if network.readsEveryStep, !shape.hasTargetPerStep {
      throw Failure.badData(
        "recipe \(name): model.readout every_step needs a target for each time step; this data has one per sample"
      )
    }
    if !network.readsEveryStep, shape.hasTargetPerStep {
      throw Failure.badData(
        "recipe \(name): this data has a target for each time step; set model.readout to every_step")
    }
    if network.needsEqualLengths, !shape.hasEqualLengths {
      let what = network.cell == .none ? "model.cell none" : "model.readout all_steps"
      throw Failure.badData(
        "recipe \(name): \(what) needs sequences of equal length, but these differ; use a recurrent cell with final_state or last_step"
      )
    }
  }
}

extension ModelSpecification {
  /// The head with its open width filled in.
  public func headLayers(for target: TargetKind, outputsPerTarget: Int = 1) -> [Network.HeadLayer] {
    let width =
      switch target {
      case .classes(let count): count
      case .values(let width): width * outputsPerTarget
      }
    return network.head.map { layer in
      guard case .linear(let size, let bias) = layer, size <= 0 else { return layer }
      return .linear(width, bias: bias)
    }
  }
}
