import Collective
import Dataset
import Diagnostics
import Recurrent
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Runs a recipe on data: all ranks make one, with equal arguments and their own communicator.
public final class Trainer {
  let recipe: Recipe
  let data: LoadedData
  let set: any SampleSet
  let communicator: any Communicator
  /// The machine of each rank.
  let hosts: [String]
  let model: Model
  let optimizer: Optimizer
  let optimizerState: OptimizerState
  /// Of the parameters, where the recipe asks for it: it is evaluated in their place.
  let average: ParameterAverage?
  /// For the ends of epochs.
  let evaluator: Evaluator
  let step: TrainingStep
  let replicas: ReplicaCheck
  let trace: Trace?
  /// Of the epoch.
  var rankTimes: RankTimes
  let order: EpochOrder
  let samples: UnsafeMutableBufferPointer<Int32>
  let roles: Roles
  /// Files and observer; on rank 0 only.
  let recorder: RunRecorder?
  /// On the first worker of a run with a dedicated coordinator, and its other end on rank 0.
  private(set) var workerLog: WorkerLog?
  private var link: CoordinatorLink?
  /// Measured by the workers, for the coordinator's report.
  var workersStepTime: TrainingReport.StepTime?
  var state: RunState
  var times = StepTimes()
  var meter: RunMeter
  /// Set where all ranks throw the same, so that nobody needs to be told.
  var failsOnAllRanks = false
  /// Lets things go wrong in tests: called with the number of steps done and the parameters, which it may change, before each
  /// step. Without one it costs a nil check.
  package var faults: ((_ step: Int, _ parameters: UnsafeMutableBufferPointer<Float>) -> Void)?
  private let stopRequested = Atomic<Bool>(false)

  /// Prepares the run and, on rank 0, its directory: last of all, so that what is refused changes and begins nothing.
  /// - observer: told of progress on rank 0.
  /// - processor: what computes; checkpoints are the same files for any.
  /// - Throws: a `Failure` where recipe, data, checkpoint and directory don't fit together.
  public init(
    recipe: Recipe, data: LoadedData, options: TrainingOptions = TrainingOptions(),
    communicator: any Communicator = Solo(), observer: (any TrainingObserver)? = nil,
    processor: Processor = .cpu
  ) throws {
    let recipe = try recipe.validated()
    try communicator.requireSameStart(recipe)
    self.recipe = recipe
    self.data = data
    self.communicator = communicator
    hosts = try communicator.hostNames()
    let roles = try Roles(recipe.distributed.coordinator, communicator)
    self.roles = roles
    let (set, architecture) = try recipe.fitted(to: data)
    self.set = set
    try communicator.requireEqual(data.fingerprint, "the data", fix: "give all hosts the same data files")
    try recipe.requireMemory(architecture, set, workers: roles.workers.size)
    model = try Model(
      architecture, seed: recipe.seed, kernels: .fromEnvironment(recipe.precision),
      threads: options.threads ?? communicator.coresPerRank)
    try communicator.requireEqual(
      model.kernels.name, "the processor's kernel family",
      fix: "set RECUR_KERNELS to one that all have, such as portable")
    let gradientSum = GradientSum(
      recipe.distributed, model.gradients, boundaries: model.layout.boundaries, group: roles.workers)
    let frozen = try FrozenParameters(recipe.train.freeze, of: model.layout)
    optimizer = Optimizer(
      recipe.optimizer, count: gradientSum.slice.count, trained: frozen.trained(of: gradientSum.slice),
      kernels: model.kernels)
    optimizerState = OptimizerState(
      optimizer, gradientSum, count: model.layout.count, group: roles.workers)
    trace = try options.tracePath.map { try Trace(path: $0, communicator) }
    rankTimes = RankTimes(workers: roles.workers.size)
    evaluator = Evaluator(
      model: model, loss: recipe.loss, scaler: data.scaler,
      communicator: roles.isCoordinator ? Solo() : communicator, beam: recipe.model.decoder?.beam ?? 1)
    order = EpochOrder(
      count: set.count, seed: recipe.seed, shuffle: recipe.train.shuffle && set.streams == nil,
      buckets: recipe.train.buckets(set))
    samples = .allocate(capacity: set.count)
    average = recipe.train.ema.map { [model] in
      ParameterAverage(decay: $0, model.parameters, trained: frozen.trained(of: 0..<model.layout.count))
    }
    let lanes =
      recipe.distributed.reduction == .strict
      ? LaneReduction(roles.workers, into: model.gradients, lanes: recipe.distributed.lanes) : nil
    let learner = Learner(
      model, loss: recipe.loss, optimizer: optimizer, gradientSum: gradientSum, lanes: lanes,
      average: average, frozen: frozen, limits: GradientLimits(recipe.train), seed: recipe.seed,
      group: roles.workers)
    step = TrainingStep(learner, recipe: recipe, set: set, trace: trace, gathersAhead: options.gathersAhead)
    replicas = ReplicaCheck(every: recipe.distributed.replicaCheckEvery, group: roles.workers)
    state = RunState(recipe)
    meter = RunMeter(totalSamples: recipe.train.epochs * set.count)
    let rank = communicator.rank
    recorder = try communicator.together {
      try rank == 0 ? RunRecorder(recipe: recipe, data: data, options: options, observer: observer) : nil
    }
    let resumed = try resume(options)
    try communicator.requireEqual(
      parametersSHA256(UnsafeBufferPointer(model.parameters)), "the start of the parameters",
      fix: "check that rank's machine")
    try useDevice(processor, options)
    try chooseProducts(resuming: resumed, options.products)
    try begin()
  }

  deinit { samples.deallocate() }

  private func runRole() throws -> TrainingReport {
    link = try roles.makeLink(
      buffers.map(\.values) + (step.states.map { [$0.hidden, $0.cell] } ?? []).filter { !$0.isEmpty })
    if let link, !roles.isCoordinator { workerLog = WorkerLog(link, recipe) }
    if let link, roles.isCoordinator { return try coordinate(link) }
    return try roles.isWorker ? work() : train()
  }

  /// Who takes note of steps on this rank, if anybody.
  var log: (any StepLog)? { workerLog ?? recorder }

  /// Trains to the end, or until `requestStop`. The report's status tells which.
  ///
  /// Where one rank of several fails alone (a full disk), it ends the others through the communicator.
  public func run() throws -> TrainingReport {
    do {
      return try runRole()
    } catch {
      recorder?.abandon()
      if communicator.size > 1, !failsOnAllRanks {
        let failure = error as? Failure ?? Failure(.internalError, "\(error)")
        communicator.abort(reason: failure.message, code: failure.kind.rawValue)
      }
      throw error
    }
  }

  /// Tells the watchdog what this rank is at.
  func enter(_ phase: RankProgress.Phase) { communicator.progress?.enter(phase, step: state.step) }

  /// Metrics of a part of the data: of the averaged parameters, where there are such.
  func evaluate(_ set: any SampleSet, with evaluator: Evaluator) throws -> EvaluationMetrics {
    guard let average else { return try evaluator.evaluate(set) }
    try step.device?.fetch()
    func exchange() {
      average.exchange(model.parameters)
      model.parametersChanged()
      step.device?.copyChanged()
    }
    exchange()
    defer { exchange() }
    return try evaluator.evaluate(set)
  }

  /// Asks for a stop after the current step, with everything saved. May be called from any thread or a signal handler.
  public func requestStop() { stopRequested.store(true, ordering: .relaxed) }

  /// Each once.
  var machines: [String] {
    hosts.indices.filter { hosts.firstIndex(of: hosts[$0]) == $0 }.map { hosts[$0] }
  }

  var wantsStop: Bool { stopRequested.load(ordering: .relaxed) }
}

extension TrainSpecification {
  fileprivate func buckets(_ set: any SampleSet) -> LengthBuckets? {
    guard bucketBatches > 1, !set.shape.hasEqualLengths else { return nil }
    return LengthBuckets(
      batchSize: batchSize, batches: bucketBatches,
      lengths: (0..<set.count).map { Int32(set.length(of: $0)) })
  }
}
