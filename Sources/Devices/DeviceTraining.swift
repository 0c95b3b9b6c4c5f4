import Batches
import CCUDA
import CUDA
import Collective
import Dataset
import Diagnostics
import Recurrent
import Training

/// Trains on a device in place of the processor. The model and the optimizer of the run are its copy in host memory, current only
/// after `fetch`; so are the average of the parameters and the states of streams.
final class DeviceTraining: StepDevice {
  let device: DeviceModel
  /// How the engine was chosen.
  let engineChoice: EngineChoice
  let model: Model
  let loss: Loss
  let optimizer: Optimizer
  let communicator: any Communicator
  let steps: Int
  let limits: GradientLimits
  let seed: UInt64
  let accumulate: Int
  let set: any SampleSet
  let batch: Batch
  /// See `Replica`.
  let average: ParameterAverage?
  let states: StreamStates?
  /// Of several ranks whose devices don't add up among themselves.
  private let reduction: DeviceReduction?
  private let hasJoined: Bool
  /// Whether the data set lies in device memory.
  let isResident: Bool
  /// What may be computed before it is asked for; nil for nothing.
  var ahead: StepsAhead?
  /// Outcomes of steps that were taken before they were asked for.
  var taken: ArraySlice<step_outcome> = []
  /// Of each step of the last launch of several.
  var stepNanoseconds: UInt64?
  var isLoaded = false
  var isFetched = true
  private var outputs: [Float] = []
  /// How gradients are summed, after the step that decided it.
  private(set) var choice: GradientReduction.Choice?

  /// - options: which engine, and where choices are remembered.
  /// - Throws: a `Failure` where the device can't train this network.
  init(_ executor: any Executor, _ task: DeviceTask, _ options: EngineOptions) throws {
    let (run, recipe, part, capacity) = (task.step, task.recipe, task.part, task.capacity)
    let learner = run.learner
    (model, optimizer, communicator) = (learner.model, learner.optimizer, learner.communicator)
    (average, states) = (learner.average, run.states)
    set = run.set
    let network = run.model.network
    loss = recipe.loss
    steps = set.shape.steps
    seed = recipe.seed
    limits = GradientLimits(recipe.train)
    let microBatch = recipe.train.microBatch(of: part)
    accumulate = (part + microBatch - 1) / microBatch
    batch = Batch(set.shape, capacity: capacity)
    let isPlain = set.shape.hasEqualLengths && set.shape.vocabulary == nil && !network.readsEveryStep
    isResident = isPlain && set.residentBytes <= Self.residentLimit
    var plan = recipe.devicePlan(
      network, set.shape, capacity: capacity, resident: isResident ? set.count : 0)
    (plan.precision, plan.device) = (executor.precision, executor.traits)
    let trial = EngineTrial(
      executor: executor, plan: plan, run: run, batch: batch, limits: limits, accumulate: accumulate,
      count: part)
    engineChoice = try trial.choose(options, communicator)
    device = try DeviceModel(plan, engine: engineChoice.engine, executor: executor)
    hasJoined = try communicator.size > 1 && communicator.joinDevices(executor)
    reduction =
      communicator.size > 1 && !hasJoined
      ? try DeviceReduction(device, communicator, boundaries: model.layout.boundaries) : nil
    if isResident { try device.load(set, batch, samples: set.count) }
  }

  /// Bytes of inputs that are put into device memory once instead of being copied for each step.
  private static let residentLimit = 1 << 30

  /// For people and checkpoints.
  var name: String { device.executor.name }

  func run(
    _ samples: UnsafeBufferPointer<Int32>, step: Int, learningRate: Double, stop: Bool, save: Bool
  ) throws -> StepOutcome {
    try load()
    isFetched = false
    if let outcome = try next(samples, step: step) {
      // What was taken ahead belongs to the state that is stopped at or saved.
      return finish(outcome, [stop && taken.isEmpty ? 1 : 0, save && taken.isEmpty ? 1 : 0])
    }
    let control = control(step: step, learningRate: learningRate)
    let own = equalPart(communicator.rank, of: samples.count, among: communicator.size)
    let parts = microBatches(UnsafeBufferPointer(rebasing: samples[own]))
    var flags = [stop ? 1.0 : 0, save ? 1.0 : 0]
    if communicator.size == 1, parts.count == 1 {
      return finish(try device.step(gathered(parts[0]), control), flags)
    }
    let begin = monotonicNanoseconds()
    try device.begin(control)
    if hasJoined {
      for part in parts { try device.compute(gathered(part)) }
      let sums = try device.updateOfRanks {
        try flags.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
      }
      return finish(sums, flags)
    }
    for part in parts.dropLast() { try device.compute(gathered(part)) }
    if let reduction {
      flags = try reduction.compute(parts.last.map(gathered), flags)
    } else if let last = parts.last {
      try device.compute(gathered(last))
    }
    let outcome = finish(try device.update(), flags)
    choice = try reduction?.stepEnded(seconds: Double(monotonicNanoseconds() - begin) / 1e9)
    return outcome
  }

  /// - later: updates that come before it.
  func control(step: Int, learningRate: Double, later: Int = 0) -> step_control {
    var control = optimizer.control(
      seed: seed, step: step, learningRate: learningRate, limits, later: later)
    control.average_decay = average?.decay ?? 0
    return control
  }

  private func microBatches(_ samples: UnsafeBufferPointer<Int32>) -> [UnsafeBufferPointer<Int32>] {
    let size = max(1, (samples.count + accumulate - 1) / accumulate)
    return stride(from: 0, to: samples.count, by: size).map {
      UnsafeBufferPointer(rebasing: samples[$0..<min($0 + size, samples.count)])
    }
  }

  func gathered(_ samples: UnsafeBufferPointer<Int32>) -> DeviceModel.Samples {
    if isResident { return .resident(samples) }
    set.gather(samples, into: batch)
    return .batch(batch)
  }

  /// - flags: whether a rank wants to stop, and to save.
  private func finish(_ sums: step_outcome, _ flags: [Double]) -> StepOutcome {
    let (stop, save) = (flags[0] > 0, flags[1] > 0)
    guard sums.result == 0 else {
      return StepOutcome(sums.result == 1 ? .notFinite : .weightless, stop: stop, save: save)
    }
    optimizer.countUpdate()
    return StepOutcome(
      lossSum: sums.loss, weight: sums.weight, right: sums.right, counted: sums.counted,
      gradientNorm: sums.norm, stop: stop, save: save)
  }

  /// The outputs for a gathered batch, valid until the next call.
  func evaluate(_ batch: Batch) throws -> UnsafeMutableBufferPointer<Float> {
    try load()
    let rows = model.network.readsEveryStep ? batch.rows.count : batch.count
    let count = rows * model.network.outputSize
    if outputs.count < count { outputs = [Float](repeating: 0, count: count) }
    // The array is not touched again before the next call.
    let all = outputs.withUnsafeMutableBufferPointer { $0 }
    let result = UnsafeMutableBufferPointer(rebasing: all[..<count])
    try device.evaluate(batch, outputs: result)
    return result
  }
}

extension SampleSet {
  /// Bytes of all samples' inputs.
  fileprivate var residentBytes: Int { count * shape.steps * shape.features * 4 }
}
