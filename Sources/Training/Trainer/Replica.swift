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
  /// What each rank keeps for itself, where they do.
  let ranks: RankStates?
  /// How many ranks train.
  let trainers: Int
  let workers: any Communicator
  /// The streams of a global batch: each is one of its rows.
  let streams: Int

  /// - model: with the parameters to begin with.
  /// - workers: the ranks that train, as this one's group; a coordinator that does not is alone. trainers: how many they are.
  init(
    _ model: Model, recipe: Recipe, set: any SampleSet, workers: any Communicator, trainers: Int,
    trace: Trace?, gathersAhead: Bool
  ) throws {
    self.model = model
    self.workers = workers
    self.trainers = trainers
    streams = recipe.train.batchSize
    let isLocal = recipe.distributed.syncEvery != nil
    // A rank that takes steps by itself sums with nobody.
    let summing: any Communicator = isLocal ? Solo() : workers
    let frozen = try FrozenParameters(recipe.train.freeze, of: model.layout)
    let limits = GradientLimits(recipe.train)
    let saving = recipe.distributed.compression(
      model.layout, frozen: frozen, limits: limits, seed: recipe.seed, kernels: model.kernels, group: workers)
    let gradientSum = GradientSum(
      recipe.distributed, model.gradients, boundaries: model.layout.boundaries, saving: saving, group: summing
    )
    optimizer = Optimizer(
      recipe.optimizer, count: gradientSum.slice.count, trained: frozen.trained(of: gradientSum.slice),
      tensors: TrainedTensors(model.layout, slice: gradientSum.slice, frozen: frozen), kernels: model.kernels)
    optimizerState = OptimizerState(optimizer, gradientSum, count: model.layout.count, group: summing)
    average = recipe.train.ema.map {
      ParameterAverage(decay: $0, model.parameters, trained: frozen.trained(of: 0..<model.layout.count))
    }
    let lanes =
      recipe.distributed.reduction == .strict
      ? LaneReduction(workers, into: model.gradients, lanes: recipe.distributed.lanes) : nil
    let learner = Learner(
      model, loss: recipe.loss, optimizer: optimizer, gradientSum: gradientSum, lanes: lanes,
      average: isLocal ? nil : average, frozen: frozen,
      limits: saving?.clips == true ? GradientLimits() : limits,
      seed: recipe.seed, communicator: summing)
    let outer =
      isLocal
      ? OuterStep(recipe.distributed, model, frozen: frozen, average: average, group: workers) : nil
    step = TrainingStep(
      learner, recipe: recipe, set: set, group: workers, outer: outer, trace: trace,
      gathersAhead: gathersAhead)
    let inner = optimizer.buffers.map {
      RankStates.OwnBuffer(name: $0.name, values: $0.values, isOptimizers: true)
    }
    let kept = isLocal ? inner + (outer?.kept ?? []) : saving?.kept
    ranks = kept.map { RankStates($0, ranks: trainers, keepsAll: workers.rank == 0, group: workers) }
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
