import Checkpoints
import Collective
import Dataset
import Diagnostics
import Recurrent
import Synchronization

/// Runs a recipe on data: all ranks make one, with equal arguments and their own communicator.
///
/// It goes through the epochs and takes the decisions that all ranks share. What it changes is `replica`'s, `state` says where it is,
/// and what happens is told by values (`TrainingEvent`).
public final class Trainer {
  let recipe: Recipe
  let data: LoadedData
  /// The training part.
  let set: any SampleSet
  let communicator: any Communicator
  /// The machine of each rank.
  let hosts: [String]
  let roles: Roles
  let replica: Replica
  let replicas: ReplicaCheck
  /// For the ends of epochs.
  let evaluator: Evaluator
  let samples: EpochSamples
  let trace: Trace?
  /// Files and observer; on rank 0 only.
  let recorder: RunRecorder?
  /// On the first worker of a run with a dedicated coordinator.
  private(set) var workerLog: WorkerLog?
  /// Whether it has said that the coordinator wants a stop.
  var coordinatorStops = false
  /// The way between first worker and coordinator: a call may be on its way to the end.
  private var link: CoordinatorLink?
  var state: RunState
  /// What of MPI adds gradients; nil where nothing is.
  var sums: SumChoice?
  var clocks: RunClocks
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
  package init(
    recipe: Recipe, data: LoadedData, options: TrainingOptions = TrainingOptions(),
    communicator: any Communicator, observer: (any TrainingObserver)? = nil,
    processor: Processor = .cpu
  ) throws {
    let recipe = try recipe.validated()
    try communicator.requireSameStart(recipe)
    (self.recipe, self.data, self.communicator) = (recipe, data, communicator)
    hosts = try communicator.hostNames()
    let roles = try Roles(recipe.distributed.coordinator, communicator)
    self.roles = roles
    let (set, network) = try recipe.fitted(to: data)
    self.set = set
    try communicator.requireEqual(data.fingerprint, "the data", fix: "give all hosts the same data files")
    try recipe.requireMemory(network, set, workers: roles.workers.size)
    let model = try Model(
      network, seed: recipe.seed, kernels: .fromEnvironment(recipe.precision),
      threads: options.threads ?? communicator.coresPerRank)
    try communicator.requireEqual(
      model.kernels.name, "the processor's kernel family",
      fix: "set RECUR_KERNELS to one that all have, such as portable")
    trace = try options.tracePath.map { try Trace(path: $0, communicator) }
    replica = try Replica(
      model, recipe: recipe, set: set, workers: roles.workers, trainers: roles.trainers, trace: trace,
      gathersAhead: options.gathersAhead)
    replicas = ReplicaCheck(every: recipe.distributed.replicaCheckEvery, group: roles.workers)
    evaluator = Evaluator(
      model: model, loss: recipe.loss, scaler: data.scaler,
      communicator: roles.isCoordinator ? Solo() : communicator, beam: recipe.model.decoder?.beam ?? 1)
    samples = EpochSamples(recipe, set)
    state = RunState(recipe, samples: set.count)
    clocks = RunClocks(totalSamples: recipe.train.epochs * set.count, workers: roles.workers.size)
    recorder =
      communicator.rank == 0
      ? RunRecorder(RunStore(recipe: recipe, data: data, path: options.outputDirectory), observer: observer)
      : nil
    let resumed = try resume(options)
    try communicator.requireEqual(
      parametersSHA256(UnsafeBufferPointer(model.parameters)), "the start of the parameters",
      fix: "check that rank's machine")
    try useDevice(processor)
    try chooseProducts(resuming: resumed, options.products)
    try chooseSums(resuming: resumed)
    try begin(options)
  }

  /// Trains to the end, or until `requestStop`. The report's status tells which.
  ///
  /// Where one rank of several fails alone (a full disk), it ends the others through the communicator.
  public func run() throws -> TrainingReport {
    do {
      return try runRole()
    } catch {
      recorder?.store.abandon()
      if communicator.size > 1, !failsOnAllRanks {
        let failure = error as? Failure ?? Failure(.internalError, "\(error)")
        try communicator.abort(reason: failure.message, code: failure.kind.rawValue)
      }
      throw error
    }
  }

  private func runRole() throws -> TrainingReport {
    link = try roles.makeLink(replica.buffers.map(\.values) + replica.streamStates)
    if let link, roles.isCoordinator { return try coordinate(link) }
    if let link { workerLog = WorkerLog(link, recipe) }
    return try roles.isWorker ? work() : train()
  }

  /// Who listens on this rank, if anybody.
  var log: (any TrainingLog)? { workerLog ?? recorder }

  /// Asks for a stop after the current step, with everything saved. May be called from any thread or a signal handler.
  public func requestStop() { stopRequested.store(true, ordering: .relaxed) }

  var wantsStop: Bool { stopRequested.load(ordering: .relaxed) }
}

extension Trainer {
  /// Where the run is now.
  var standing: RunStanding {
    RunStanding(
      state: state, updates: replica.optimizer.steps, meter: clocks.meter, times: clocks.ranks,
      sizes: .init(epochs: recipe.train.epochs, batch: recipe.train.batchSize, samples: set.count),
      kernelFamily: replica.kernelFamily,
      products: replica.step.device == nil ? replica.model.products.choices : nil,
      sums: sums)
  }

  /// Within an epoch, streams carry their states.
  var carriesStates: Bool { state.position > 0 }

  /// Tells the watchdog what this rank is at.
  func enter(_ phase: RankProgress.Phase) { communicator.progress?.enter(phase, step: state.step) }

  /// Notes how long something takes, where a trace was asked for.
  func tracing<Result>(_ activity: Trace.Activity, _ body: () throws -> Result) rethrows -> Result {
    guard let trace else { return try body() }
    let begin = monotonicNanoseconds()
    defer { trace.add(activity, step: state.step, from: begin) }
    return try body()
  }

  /// Each once.
  var machines: [String] {
    hosts.indices.filter { hosts.firstIndex(of: hosts[$0]) == $0 }.map { hosts[$0] }
  }

  /// Of several ranks.
  var slowest: SlowestRank? {
    clocks.ranks.slowest(firstRank: recipe.distributed.coordinator == .dedicated ? 1 : 0, hosts: hosts)
  }
}
