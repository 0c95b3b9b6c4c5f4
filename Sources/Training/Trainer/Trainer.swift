import Collective
import Dataset
import Diagnostics
import Recurrent
import Synchronization

/// Runs a recipe on data: all ranks make one, with equal arguments and their own communicator.
public final class Trainer {
  let recipe: Recipe
  let data: LoadedData
  let set: any SampleSet
  let communicator: any Communicator
  let model: Model
  let optimizer: Optimizer
  let evaluator: Evaluator
  let step: TrainingStep
  let order: EpochOrder
  let samples: UnsafeMutableBufferPointer<Int32>
  /// Files and observer; on rank 0 only.
  let recorder: RunRecorder?
  var state: RunState
  var times = StepTimes()
  var meter: RunMeter
  /// Set where all ranks throw the same, so that nobody needs to be told.
  var failsOnAllRanks = false
  private let stopRequested = Atomic<Bool>(false)

  /// Prepares the run and, on rank 0, its directory.
  /// - observer: told of progress on rank 0.
  /// - Throws: a `Failure` where recipe, data, checkpoint and directory don't fit together.
  public init(
    recipe: Recipe, data: LoadedData, options: TrainingOptions = TrainingOptions(),
    communicator: any Communicator = Solo(), observer: (any TrainingObserver)? = nil
  ) throws {
    let recipe = try recipe.validated()
    self.recipe = recipe
    self.data = data
    self.communicator = communicator
    let set = try data.trainingSet(for: recipe).arranged(for: recipe)
    self.set = set
    let architecture = try recipe.architecture(for: data.shape)
    try communicator.requireEqual(recipe.effectiveYAML, "the recipe")
    try communicator.requireEqual(data.fingerprint, "the data")
    model = try Model(
      architecture, seed: recipe.seed, kernels: .fromEnvironment(),
      threads: options.threads ?? communicator.coresPerRank)
    optimizer = Optimizer(recipe.optimizer, count: model.layout.count, kernels: model.kernels)
    evaluator = Evaluator(
      model: model, loss: recipe.loss, scaler: data.scaler, communicator: communicator,
      beam: recipe.model.decoder?.beam ?? 1)
    order = EpochOrder(
      count: set.count, seed: recipe.seed, shuffle: recipe.train.shuffle && !(set is any StreamedSet),
      buckets: recipe.train.buckets(set))
    samples = .allocate(capacity: set.count)
    let largest = equalParts(of: min(recipe.train.batchSize, set.count), among: communicator.size)[0].count
    step = TrainingStep(
      model: model, optimizer: optimizer, recipe: recipe, set: set, part: largest, communicator: communicator)
    state = RunState(recipe)
    meter = RunMeter(totalSamples: recipe.train.epochs * set.count)
    let rank = communicator.rank
    recorder = try communicator.together {
      try rank == 0 ? RunRecorder(recipe: recipe, data: data, options: options, observer: observer) : nil
    }
    try resume(options)
    try communicator.requireEqual(parametersSHA256(UnsafeBufferPointer(model.parameters)), "the parameters")
  }

  deinit { samples.deallocate() }

  /// Trains to the end, or until `requestStop`. The report's status tells which.
  ///
  /// Where one rank of several fails alone (a full disk), it ends the others through the communicator.
  public func run() throws -> TrainingReport {
    do {
      return try train()
    } catch {
      recorder?.abandon()
      if communicator.size > 1, !failsOnAllRanks {
        let failure = error as? Failure ?? Failure(.internalError, "\(error)")
        communicator.abort(reason: failure.message, code: failure.kind.rawValue)
      }
      throw error
    }
  }

  /// Asks for a stop after the current step, with everything saved. May be called from any thread or a signal handler.
  public func requestStop() { stopRequested.store(true, ordering: .relaxed) }

  var wantsStop: Bool { stopRequested.load(ordering: .relaxed) }
}

extension SampleSet {
  /// A text as one stream for each row of a batch.
  fileprivate func arranged(for recipe: Recipe) throws -> any SampleSet {
    guard let text = self as? any StreamedSet else { return self }
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
    if recipe.loss.isClassless {
      for (key, metric) in recipe.decidingMetrics + [("checkpoint.metric", recipe.checkpoint.metric)]
      where metric.quantity == .accuracy {
        throw Failure.badData("\(key): loss \(recipe.loss.name) has no accuracy; use validation.loss")
      }
    }
    return train
  }
}

extension TrainSpecification {
  fileprivate func buckets(_ set: any SampleSet) -> LengthBuckets? {
    guard bucketBatches > 1, !set.shape.hasEqualLengths else { return nil }
    return LengthBuckets(
      batchSize: batchSize, batches: bucketBatches,
      lengths: (0..<set.count).map { Int32(set.length(of: $0)) })
  }
}

extension Loss {
  fileprivate var isClassless: Bool { hasErrors }
}

extension Recipe {
  /// The keys whose metrics change what is computed.
  fileprivate var decidingMetrics: [(String, MetricName)] {
    var metrics: [(String, MetricName)] = []
    if let earlyStopping { metrics.append(("early_stopping.metric", earlyStopping.metric)) }
    if case .plateau(_, _, _, _, _, let metric) = schedule.rule {
      metrics.append(("schedule.metric", metric))
    }
    return metrics
  }
}
