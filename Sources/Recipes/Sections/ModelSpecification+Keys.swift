import Diagnostics
import Recurrent

extension ModelSpecification: SelectedSection {
  typealias Kind = Network.Cell

  var kind: Network.Cell { network.cell }
  static func start(_ kind: Network.Cell) -> ModelSpecification {
    ModelSpecification(cell: kind, head: [])
  }

  private static let recurrent = Kind.recurrent
  private static let sizes = 1...1 << 20

  static let section: Section<Self> = Section(
    selector: "cell", words: "cell: ",
    keys: inputKeys + layerKeys + regularizationKeys + optionKeys + outputKeys)

  private static let inputKeys: [Key<Self>] = [
    Key(
      "embedding", optional: \.embedding, .whole(sizes), only: recurrent,
      "Numbers of the vector of each token, for data with tokens."
    )
    .unwrittenIfNull(),
    Key(
      "embedding_dropout", \.embeddingDropout, .number(.belowOne), only: recurrent,
      "Probability of dropping an element of such a vector."
    ).needing("embedding") { $0.embedding != nil },
    Key(
      "tie_embeddings", \.tiesEmbeddings, .flag, only: recurrent,
      "Whether the last linear layer has the embedding's weight."
    ).needing("embedding") { $0.embedding != nil },
    Key(
      "category_embedding", optional: \.categoryEmbedding, .categoryWidths,
      "Numbers of the vector of each category: for all of data.categorical, or column by column."
    ).absent("auto: half as many as there are categories, at most 50").unwrittenIfNull(),
    Key(
      "category_dropout", \.categoryDropout, .number(.belowOne), only: recurrent,
      "Probability of dropping an element of such a vector."
    ),
  ]

  private static let layerKeys: [Key<Self>] = [
    Key(selector: "cell", "What the layers are made of; none for a network without states."),
    Key("nonlinearity", \.nonlinearity, .choice(), only: recurrent, "Of cell: rnn.")
      .checked { model, map in
        if !CellDescription(model.cell).takesNonlinearity, model.nonlinearity != .tanh {
          throw map.failure(only: \.takesNonlinearity, at: "nonlinearity", "nonlinearity: relu")
        }
      },
    Key(
      "hidden_size", \.widths, .widths(sizes), only: recurrent,
      "Units of each layer and direction: one number for all layers, or a list."
    ).required(),
    Key("num_layers", \.layers, .whole(1...4096), only: recurrent, "Recurrent layers on each other.")
      .checked { model, map in
        if let sizes = model.hiddenSizes, model.layers != sizes.count {
          throw map.failure(
            at: "num_layers",
            "model.num_layers is \(model.layers), but model.hidden_size has \(sizes.count) widths; leave it out"
          )
        }
      },
    Key(
      "bidirectional", \.bidirectional, .flag, only: recurrent,
      "Whether a second direction reads each sequence from its end."),
    Key("bias", \.bias, .flag, only: recurrent, "Whether the layers have biases."),
  ]

  private static let regularizationKeys: [Key<Self>] = [
    Key(
      "dropout", \.dropout, .number(.belowOne), only: recurrent,
      "Probability of dropping an output between recurrent layers."),
    Key(
      "input_dropout", \.inputDropout, .number(.belowOne), only: recurrent,
      "The same for the network's input."),
    Key(
      "locked_dropout", \.lockedDropout, .flag, only: recurrent,
      "Whether these two have one mask for all steps of a sample (Gal and Ghahramani 2016)."
    ).checked { model, map in
      if model.lockedDropout, model.dropout == 0, model.inputDropout == 0 {
        throw map.failure(
          at: "locked_dropout",
          "model.locked_dropout needs model.dropout or model.input_dropout; recurrent_dropout is always locked"
        )
      }
    },
    Key(
      "recurrent_dropout", \.recurrentDropout, .number(.belowOne), only: recurrent,
      "Probability of dropping a unit of h on its way into the recurrent product, with one mask for all steps."
    ),
    zoneout(only: recurrent),
  ]

  private static let optionKeys: [Key<Self>] = [
    Key(
      "proj_size", \.projectionSize, .whole(0...1 << 20), only: recurrent,
      "LSTM: outputs of a layer and direction after a projection, as in PyTorch; 0 for none."
    )
    .checked { model, map in try model.checkProjection(map) },
    Key(
      "layer_norm", \.layerNorm, .flag, only: recurrent,
      "Layer norm inside the cell (Ba et al. 2016); its biases take the place of the layer's."),
    Key(
      "reset_after", \.resetAfter, .flag, only: [.gru],
      "Whether the reset gate comes after the recurrent product, as in PyTorch; false: in front of it (Cho et al. 2014)."
    ).unwritten { $0.resetAfter }
      .checked { model, map in
        try model.checkWithoutNorm(map, "reset_after", "reset_after: false", isSet: !model.resetAfter)
      },
    Key(
      "peepholes", \.peepholes, .flag, only: [.lstm],
      "Whether the gates i, f and o see c (Gers and Schmidhuber 2000); their weights are zero at first."
    ).unwritten { !$0.peepholes }
      .checked { model, map in
        try model.checkWithoutNorm(map, "peepholes", "peepholes", isSet: model.peepholes)
      },
    Key(
      "residual", \.residual, .flag, only: recurrent,
      "Adds what a layer reads to what it gives, from the second layer on."),
    Key(
      "learned_initial_state", \.learnedInitialState, .flag, only: recurrent,
      "Whether the first states are parameters, zero at first."
    )
    .checked { model, map in try model.checkResidual(map) },
  ]

  private static let outputKeys: [Key<Self>] = [
    Key(
      "readout", \.readout, .choice(), only: recurrent,
      "What the head reads: the last step, the last states, all steps as one vector, or each step by itself."),
    Key(
      "head", \.head, .headLayers, "Layers after the readout, in order; the last linear gives the outputs."
    ).required(),
    Key(
      "init_range", optional: \.initRange, .number(.positive), only: recurrent,
      "All parameters start uniform in ± this; null for PyTorch's start of each module."),
    Key("init", \.initialization, .section(), only: recurrent, "What is changed about the parameters' start.")
      .checked { model, map in try model.checkForgetBias(map) },
    Key(
      "decoder", optional: \.decoder, .section(), only: recurrent,
      "The network that writes the target step by step: of pairs the tokens, of a table the numbers at each of data.horizon."
    ).unwrittenIfNull(),
  ]
}

// MARK: What goes together

extension ModelSpecification {
  private func checkProjection(_ map: RecipeMap) throws {
    if network.projectionSize > 0, !CellDescription(network.cell).takesProjection {
      throw map.failure(only: \.takesProjection, at: "proj_size")
    }
    let least = widths.min() ?? 0
    if network.projectionSize >= least {
      throw map.failure(
        at: "proj_size",
        "model.proj_size must be smaller than model.hidden_size (\(least)), not \(network.projectionSize)")
    }
  }

  /// Refuses what layer norm is not defined with.
  private func checkWithoutNorm(_ map: RecipeMap, _ key: String, _ what: String, isSet: Bool) throws {
    if isSet, network.layerNorm {
      throw map.failure(at: key, "model.\(what) and model.layer_norm exclude each other; keep one")
    }
  }

  private func checkResidual(_ map: RecipeMap) throws {
    guard network.residual else { return }
    if network.layers == 1 { throw map.failure(at: "residual", "model.residual needs at least two layers") }
    if let sizes = network.hiddenSizes, network.projectionSize == 0, Set(sizes).count > 1 {
      throw map.failure(at: "residual", "model.residual needs layers of equal width, not \(sizes)")
    }
  }

  private func checkForgetBias(_ map: RecipeMap) throws {
    guard network.initialization.forgetBias != nil else { return }
    if CellDescription(network.cell).forgetGate == nil {
      throw map.failure(only: { $0.forgetGate != nil }, at: "init.forget_bias")
    }
    if !network.bias { throw map.failure(at: "bias", "model.init.forget_bias needs model.bias") }
  }
}

extension RecipeMap {
  /// That what stands at a key of the model is for some cells only.
  func failure(only isFor: (CellDescription) -> Bool, at key: String, _ what: String? = nil) -> Failure {
    failure(at: key, "model.\(what ?? key) applies to cell: \(Network.Cell.words(where: isFor)) only")
  }
}

// MARK: Widths

extension ModelSpecification {
  /// H of each layer, or one for all: the key `hidden_size`.
  fileprivate var widths: [Int] {
    get { network.hiddenSizes ?? [network.hiddenSize] }
    set {
      network.hiddenSize = newValue.max() ?? 0
      network.hiddenSizes = newValue.count > 1 ? newValue : nil
      if newValue.count > 1 { network.layers = newValue.count }
    }
  }
}

extension Codec where Value == [Int] {
  fileprivate static func widths(_ range: ClosedRange<Int>) -> Codec {
    Codec(.list(of: .whole(range), .orOneAlone)) { node, place in
      let widths = try node.items.map { try $0.whole(range, place) }
      guard !widths.isEmpty else { throw place.wrong(node, "a number, or a list of one for each layer") }
      return widths
    } write: {
      $0.count == 1 ? .init($0[0]) : .list($0.map { .init($0) })
    }
  }
}
