import Dataset
import Diagnostics
import Recurrent

extension Recipe {
  /// The samples to train on, as batches are taken of them, and the network for them.
  /// - Throws: a `Failure` where recipe and data don't fit together.
  func fitted(to data: LoadedData) throws -> (set: any SampleSet, network: Network) {
    let set = try data.trainingSet(for: self).arranged(for: self)
    return (set, try network(for: data.shape))
  }

  /// Refuses what a run of one process would refuse before its first step, and takes no memory for it.
  /// - Returns: the network.
  package func requireTrainable(on data: LoadedData) throws -> Network {
    let recipe = try validated()
    let (set, network) = try recipe.fitted(to: data)
    try recipe.requireMemory(network, set, workers: 1)
    return network
  }

  /// Refuses a run whose parameters and largest batch find no memory.
  func requireMemory(_ network: Network, _ set: any SampleSet, workers: Int) throws {
    // Each worker has a part of a batch, at least so much of it at a time.
    let lanes = distributed.reduction == .strict ? distributed.lanes : 1
    let part = min(train.batchSize, set.count) / max(workers, lanes)
    let batch = min(part, train.microBatch(of: part))
    let rows = batch * (set.shape.hasEqualLengths ? set.shape.steps : 1)
    try network.requireMemory(
      ParameterLayout(network),
      slots: workers == 1 ? optimizer.bufferNames.count + distributed.roundBuffers : 0,
      rows: rows,
      batch: batch)
  }

  /// Whether the rest of a run depends on the validation part.
  var decidesOnValidation: Bool { decidingMetrics.contains { $0.1.part == .validation } }

  /// The keys whose metrics change what is computed.
  fileprivate var decidingMetrics: [(String, MetricName)] {
    var metrics: [(String, MetricName)] = []
    if let earlyStopping { metrics.append(("early_stopping.metric", earlyStopping.metric)) }
    if case .plateau(let plateau) = schedule.rule { metrics.append(("schedule.metric", plateau.metric)) }
    return metrics
  }
}

extension SampleSet {
  /// A text as one stream for each row of a batch.
  fileprivate func arranged(for recipe: Recipe) throws -> any SampleSet {
    guard let text = windows else { return self }
    guard text.pairs >= recipe.train.batchSize else {
      throw Failure.badData(
        "train.batch_size: the training text of \(text.pairs + 1) tokens can't be \(recipe.train.batchSize) streams; make it smaller"
      )
    }
    return text.arranged(inStreams: recipe.train.batchSize, isEven: true)
  }
}

extension LoadedData {
  /// The training part, where it and the parts that the recipe decides on are there.
  fileprivate func trainingSet(for recipe: Recipe) throws -> any SampleSet {
    guard let train, train.count > 0 else {
      throw Failure.badData("the data has no training samples; give data.split.train some")
    }
    if validation == nil {
      for (key, metric) in recipe.decidingMetrics where metric.part == .validation {
        throw Failure.badData(
          "\(key): \(metric) needs a validation part; give data.split.validation some samples, or use train.loss"
        )
      }
    }
    for (key, metric) in recipe.decidingMetrics + [("checkpoint.metric", recipe.checkpoint.metric)] {
      if !recipe.loss.measures(metric.quantity) {
        throw Failure.badData(
          "\(key): loss \(recipe.loss.name) has no \(metric.quantity.rawValue); use validation.loss")
      }
      if !train.measures(metric.quantity) {
        throw Failure.badData(
          "\(key): \(metric.quantity.rawValue) is not measured on \(recipe.data.format.rawValue) data; use validation.loss"
        )
      }
    }
    return train
  }
}

extension SampleSet {
  /// Whether this is measured on such samples, where the loss has it.
  fileprivate func measures(_ quantity: MetricName.Quantity) -> Bool {
    switch quantity {
    case .perplexity: shape.tokens != nil
    case .sequenceAccuracy, .errorRate: self is any PairedSet
    default: true
    }
  }
}

extension DistributedSpecification {
  /// Buffers of all parameters that rounds need: their start, way and momentum, and a rank's lead.
  fileprivate var roundBuffers: Int { syncEvery == nil ? 0 : syncDelay > 0 ? 4 : 3 }
}
