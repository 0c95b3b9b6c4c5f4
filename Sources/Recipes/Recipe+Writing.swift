import Dataset
import Recurrent

extension Recipe {
  /// Every key with its value in a fixed order, data paths absolute; reads back as an equal recipe.
  public var effectiveYAML: String {
    var writer = RecipeWriter()
    writer.put("name", .text(name))
    writer.put("seed", .plain("\(seed)"))
    writer.put("precision", .plain(precision.rawValue))
    writer.section("data", data.entries)
    writer.section("model", model.entries)
    writer.section("loss", loss.entries)
    writer.section("optimizer", optimizer.entries)
    writer.section("schedule", schedule.entries)
    writer.section("train", train.entries)
    if let earlyStopping {
      writer.section("early_stopping", earlyStopping.entries)
    } else {
      writer.put("early_stopping", .null)
    }
    writer.section("checkpoint", checkpoint.entries)
    writer.section("distributed", distributed.entries)
    return writer.text
  }
}

extension DataSpecification {
  fileprivate var entries: RecipeWriter.Entries {
    let all: RecipeWriter.Entries = [
      ("format", .plain(format.rawValue)), ("path", .text(path)),
      ("validation_path", .init(validationPath)), ("test_path", .init(testPath)),
      ("labels_path", .init(labelsPath)), ("validation_labels_path", .init(validationLabelsPath)),
      ("test_labels_path", .init(testLabelsPath)), ("features", .list(features.map { .text($0) })),
      ("targets", targets.isEmpty ? .null : .list(targets.map { .text($0) })), ("label", .init(label)),
      ("group", .init(group)),
      ("header", .init(header)), ("delimiter", .text(delimiter)), ("gaps", .plain(gaps.rawValue)),
      ("scale", .plain(scale.rawValue)), ("fit_scale_on", .plain(fitScaleOn.rawValue)),
      ("window", .init(window)), ("horizon", horizons.map(\.asHorizon) ?? .init(horizon)),
      ("per_step", .init(perStep)),
      ("token_column", .init(tokenColumn)), ("tag_column", .init(tagColumn)),
      ("tokens", .plain(tokens.rawValue)),
      ("target_tokens", targetTokens.map { .plain($0.rawValue) } ?? .null), ("min_count", .init(minCount)),
      ("vocabulary", .init(vocabulary)), ("sequence_length", .init(sequenceLength)),
      (
        "split",
        .map([
          ("train", .init(split.train)), ("validation", .init(split.validation)), ("test", .init(split.test)),
        ])
      ),
    ]
    let known = RecipeKeys.data(of: format)
    return all.filter { known.contains($0.0) }
  }
}

extension [Int] {
  /// A range is written by its ends.
  fileprivate var asHorizon: RecipeWriter.Value {
    let isRange = zip(self, dropFirst()).allSatisfy { $0 + 1 == $1 }
    return .list((isRange ? [self[0], self[count - 1]] : self).map { .init($0) })
  }
}

extension ModelSpecification {
  fileprivate var entries: RecipeWriter.Entries {
    let layers = RecipeWriter.Value.list(head.map(\.value))
    guard cell != .none else { return [("cell", .plain("none")), ("head", layers)] }
    var entries: RecipeWriter.Entries = []
    if let embedding {
      entries += [
        ("embedding", .init(embedding)), ("embedding_dropout", .plain("\(embeddingDropout)")),
        ("tie_embeddings", .init(tiesEmbeddings)),
      ]
    }
    return entries + [
      ("cell", .plain(cell.rawValue)), ("nonlinearity", .plain(nonlinearity.rawValue)),
      ("hidden_size", hiddenSizes.map { .list($0.map { .init($0) }) } ?? .init(hiddenSize)),
      ("num_layers", .init(self.layers)),
      ("bidirectional", .init(bidirectional)), ("bias", .init(bias)), ("dropout", .plain("\(dropout)")),
      ("input_dropout", .plain("\(inputDropout)")), ("locked_dropout", .init(lockedDropout)),
      ("recurrent_dropout", .plain("\(recurrentDropout)")),
      ("zoneout", .map([("hidden", .plain("\(zoneout.hidden)")), ("cell", .plain("\(zoneout.cell)"))])),
      ("proj_size", .init(projectionSize)), ("layer_norm", .init(layerNorm)), ("residual", .init(residual)),
      ("learned_initial_state", .init(learnedInitialState)), ("readout", .plain(readout.rawValue)),
      ("head", layers), ("init_range", .init(initRange)), ("init", .map(initialization.entries)),
    ] + (decoder.map { [("decoder", .map($0.entries))] } ?? [])
  }
}

extension DecoderSpecification {
  fileprivate var entries: RecipeWriter.Entries {
    [
      ("embedding", .init(embedding)), ("attention", .plain(attention.rawValue)), ("beam", .init(beam)),
    ]
  }
}

extension Architecture.Initialization {
  fileprivate var entries: RecipeWriter.Entries {
    [
      ("orthogonal", .init(orthogonal)), ("forget_bias", .init(forgetBias)),
    ]
  }
}

extension Architecture.HeadLayer {
  fileprivate var value: RecipeWriter.Value {
    func width(_ size: Int) -> RecipeWriter.Value {
      size == ModelSpecification.classes ? .plain("classes") : .init(size)
    }
    return switch self {
    case .linear(let size, true): .map([("linear", width(size))])
    case .linear(let size, false): .map([("linear", .map([("size", width(size)), ("bias", .init(false))]))])
    case .relu: .plain("relu")
    case .tanh: .plain("tanh")
    case .sigmoid: .plain("sigmoid")
    case .dropout(let probability): .map([("dropout", .plain("\(probability)"))])
    }
  }
}

extension Loss {
  /// Its name in a recipe.
  public var name: String {
    switch self {
    case .mse: "mse"
    case .mae: "mae"
    case .huber: "huber"
    case .crossEntropy: "cross_entropy"
    case .bceWithLogits: "bce_with_logits"
    }
  }

  fileprivate var entries: RecipeWriter.Entries {
    switch self {
    case .huber(let delta): return [("name", .plain(name)), ("delta", .plain("\(delta)"))]
    case .crossEntropy(let ignoreIndex, let classWeights, let labelSmoothing):
      let weights = classWeights.map { RecipeWriter.Value.list($0.map { .plain("\($0)") }) }
      return [
        ("name", .plain(name)), ("ignore_index", .plain("\(ignoreIndex)")),
        ("class_weights", weights ?? .null), ("label_smoothing", .plain("\(labelSmoothing)")),
      ]
    case .mse, .mae, .bceWithLogits: return [("name", .plain(name))]
    }
  }
}
