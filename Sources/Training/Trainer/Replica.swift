import Collective
import Dataset
import Recurrent

/// One rank's copy of all that training changes: parameters, the optimizer's buffers, their average, the states of streams. What
/// computes with them is its `step`; where that is a device, they are current only after `fetch`.
final class Replica {
  let model: Model
  let optimizer: Optimizer
  let optimizerState: OptimizerState
  /// Of the parameters, where the recipe asks for it: it is evaluated in their place.
  let average: ParameterAverage?
  let step: TrainingStep
  private let workers: any Communicator
  /// The streams of a global batch: each is one of its rows.
  private let streams: Int

  /// - model: with the parameters to begin with.
  /// - workers: the ranks that train.
  init(
    _ model: Model, recipe: Recipe, set: any SampleSet, workers: any Communicator, trace: Trace?,
    gathersAhead: Bool
  ) throws {
    self.model = model
    self.workers = workers
    streams = recipe.train.batchSize
    let gradientSum = GradientSum(
      recipe.distributed, model.gradients, boundaries: model.layout.boundaries, group: workers)
    let frozen = try FrozenParameters(recipe.train.freeze, of: model.layout)
    optimizer = Optimizer(
      recipe.optimizer, count: gradientSum.slice.count, trained: frozen.trained(of: gradientSum.slice),
      kernels: model.kernels)
    optimizerState = OptimizerState(optimizer, gradientSum, count: model.layout.count, group: workers)
    average = recipe.train.ema.map {
      ParameterAverage(decay: $0, model.parameters, trained: frozen.trained(of: 0..<model.layout.count))
    }
    let lanes =
      recipe.distributed.reduction == .strict
      ? LaneReduction(workers, into: model.gradients, lanes: recipe.distributed.lanes) : nil
    let learner = Learner(
      model, loss: recipe.loss, optimizer: optimizer, gradientSum: gradientSum, lanes: lanes,
      average: average, frozen: frozen, limits: GradientLimits(recipe.train), seed: recipe.seed,
      communicator: workers)
    step = TrainingStep(learner, recipe: recipe, set: set, trace: trace, gathersAhead: gathersAhead)
  }

  /// Makes the copy in host memory current.
  func fetch() throws { try step.device?.fetch() }

  /// Changes parameters, which must be current, and tells who computes with them.
  func setParameters(_ change: (UnsafeMutableBufferPointer<Float>) -> Void) {
    change(model.parameters)
    model.parametersChanged()
    step.device?.copyChanged()
  }

  /// Lets a body see the averaged parameters in place of the parameters, where there are such.
  func withAverage<Result>(_ body: () throws -> Result) throws -> Result {
    guard let average else { return try body() }
    try fetch()
    setParameters { average.exchange($0) }
    defer { setParameters { average.exchange($0) } }
    return try body()
  }

  /// What a checkpoint says about the arithmetic it was made with.
  var kernelFamily: String { step.device == nil ? model.kernels.name : "cuda" }

  /// `cpu`, or the device's name.
  var deviceName: String { step.device?.name ?? "cpu" }
}

/// Buffers, as checkpoints and messages have them.
extension Replica {
  /// Everything that is one number for each parameter, with what a checkpoint puts before the parameters' names.
  var buffers: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] {
    [("", model.parameters)] + optimizerState.whole.map { ("optimizer.\($0.name).", $0.values) }
      + (average.map { [(CheckpointFile.averagePrefix, $0.values)] } ?? [])
  }

  /// The states of streams, where there are such.
  var streamStates: [UnsafeMutableBufferPointer<Float>] {
    (step.states.map { [$0.hidden, $0.cell] } ?? []).filter { !$0.isEmpty }
  }

  /// All of it under the names that a checkpoint gives it.
  /// - carriesStates: whether the run is within an epoch; between epochs there is nothing to carry.
  func tensors(carriesStates: Bool) -> [NamedTensor] {
    let carried = zip(["hidden", "cell"], carriesStates ? streamStates : []).map { name, values in
      NamedTensor(
        name: "carried.\(name)", shape: step.states?.shape ?? [], values: UnsafeBufferPointer(values))
    }
    return carried
      + buffers.flatMap { prefix, values in
        model.layout.entries.map { entry in
          NamedTensor(
            name: prefix + entry.name, shape: entry.shape,
            values: UnsafeBufferPointer(rebasing: values[entry.range]))
        }
      }
  }

  /// Takes all of it from a checkpoint.
  func fill(from file: CheckpointFile, carriesStates: Bool) throws {
    for tensor in tensors(carriesStates: carriesStates) {
      try file.tensor(tensor.name, shape: tensor.shape)
        .copy(to: UnsafeMutableBufferPointer(mutating: tensor.values))
    }
  }

  /// Gives all ranks what rank 0 has.
  func broadcast(_ all: any Communicator, carriesStates: Bool) throws {
    try all.broadcast(UnsafeMutableRawBufferPointer(model.parameters), from: 0)
    try optimizerState.broadcast(all)
    for values in (average.map { [$0.values] } ?? []) + (carriesStates ? streamStates : []) {
      try all.broadcast(UnsafeMutableRawBufferPointer(values), from: 0)
    }
  }
}

/// Streams: each rank holds the states of those that it computes.
extension Replica {
  func resetStreams() throws {
    if let states = step.states { for stream in 0..<states.streams { states.reset(stream) } }
    try step.device?.resetStreams()
  }

  /// Brings what ranks hold in parts to every rank that trains, or to the one that saves it.
  func gather(carriesStates: Bool) throws {
    if let states = step.states, workers.size > 1 {
      try fetch()
      let own = step.ownRows(of: streams)
      for stream in 0..<states.streams where !own.contains(stream) { states.reset(stream) }
      for values in carriesStates ? streamStates : [] { try workers.allReduceSum(values) }
    }
    try optimizerState.gather()
  }
}
