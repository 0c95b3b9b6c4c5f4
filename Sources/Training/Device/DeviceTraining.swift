import CCUDA
import CUDA
import Collective
import Dataset
import Diagnostics
import Recurrent

/// What computes a run's steps.
public enum Processor {
  /// The cores of this machine.
  case cpu
  /// This device.
  case device(any Executor)
  /// This device, where a step of the run takes less time on it than on the cores.
  case fasterOf(any Executor)

  public var executor: (any Executor)? {
    switch self {
    case .cpu: nil
    case .device(let executor), .fasterOf(let executor): executor
    }
  }
}

/// Trains on a device in place of the processor. The model and the optimizer of the run are its copy in host memory, current only
/// after `fetch`.
final class DeviceTraining {
  let device: DeviceModel
  /// How the engine was chosen.
  let engine: EngineChoice
  private let model: Model
  private let loss: Loss
  let optimizer: Optimizer
  private let communicator: any Communicator
  private let steps: Int
  let seed: UInt64
  let clipNorm: Double?
  private let accumulate: Int
  private let batch: BatchBuffer
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
  private var isLoaded = false
  private var isFetched = true
  private var outputs: [Float] = []
  /// How gradients are summed, after the step that decided it.
  private(set) var choice: GradientReduction.Choice?

  /// - part: the most samples this rank gets in a step.
  /// - capacity: that, or the most it evaluates at once.
  /// - Throws: a `Failure` where the device can't train this network.
  init(
    _ executor: any Executor, model: Model, optimizer: Optimizer, recipe: Recipe, set: any SampleSet,
    part: Int, capacity: Int, options: TrainingOptions, communicator: any Communicator
  ) throws {
    self.model = model
    self.optimizer = optimizer
    self.communicator = communicator
    loss = recipe.loss
    steps = set.shape.steps
    seed = recipe.seed
    clipNorm = recipe.train.clipNorm
    accumulate = recipe.train.accumulate
    batch = BatchBuffer(set, capacity: capacity)
    isResident = set.residentBytes <= Self.residentLimit && !model.architecture.hasTargetsForSteps
    let plan = StepPlan(
      model.architecture, loss: recipe.loss, rule: recipe.optimizer.deviceRule, steps: set.shape.steps,
      capacity: capacity, resident: isResident ? set.count : 0, precision: executor.precision,
      device: executor.traits)
    let trial = EngineTrial(
      executor: executor, plan: plan, model: model, optimizer: optimizer, recipe: recipe, batch: batch,
      count: part, samples: set.count, isAlone: communicator.size == 1)
    engine = try trial.choose(options, communicator)
    device = try DeviceModel(plan, engine: engine.engine, executor: executor)
    hasJoined = try communicator.size > 1 && communicator.joinDevices(executor)
    reduction =
      communicator.size > 1 && !hasJoined
      ? try DeviceReduction(device, communicator, boundaries: model.layout.boundaries) : nil
    if isResident { try device.load(batch, samples: set.count) }
  }

  /// Bytes of inputs that are put into device memory once instead of being copied for each step.
  private static let residentLimit = 1 << 30

  /// For people and checkpoints.
  var name: String { device.executor.name }

  /// As `TrainingStep.run`.
  func run(
    _ samples: UnsafeBufferPointer<Int32>, step: Int, learningRate: Double, stop: Bool, save: Bool
  ) throws -> TrainingStep.Outcome {
    try load()
    isFetched = false
    if let outcome = try next(samples, step: step) {
      // What was taken ahead belongs to the state that is stopped at or saved.
      return finish(outcome, [stop && taken.isEmpty ? 1 : 0, save && taken.isEmpty ? 1 : 0])
    }
    let control = optimizer.control(seed: seed, step: step, learningRate: learningRate, clipNorm: clipNorm)
    let own = equalPart(communicator.rank, of: samples.count, among: communicator.size)
    let parts = microBatches(UnsafeBufferPointer(rebasing: samples[own]))
    var flags = [stop ? 1.0 : 0, save ? 1.0 : 0]
    if communicator.size == 1, parts.count == 1 {
      return finish(try device.step(deviceBatch(parts[0]), control), flags)
    }
    let begin = monotonicNanoseconds()
    try device.begin(control)
    if hasJoined {
      for part in parts { try device.compute(deviceBatch(part)) }
      let sums = try device.updateOfRanks {
        try flags.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
      }
      return finish(sums, flags)
    }
    for part in parts.dropLast() { try device.compute(deviceBatch(part)) }
    if let reduction {
      flags = try reduction.compute(parts.last.map(deviceBatch), flags)
    } else if let last = parts.last {
      try device.compute(deviceBatch(last))
    }
    let outcome = finish(try device.update(), flags)
    choice = try reduction?.stepEnded(seconds: Double(monotonicNanoseconds() - begin) / 1e9)
    return outcome
  }

  private func microBatches(_ samples: UnsafeBufferPointer<Int32>) -> [UnsafeBufferPointer<Int32>] {
    let size = max(1, (samples.count + accumulate - 1) / accumulate)
    return stride(from: 0, to: samples.count, by: size).map {
      UnsafeBufferPointer(rebasing: samples[$0..<min($0 + size, samples.count)])
    }
  }

  private func deviceBatch(_ samples: UnsafeBufferPointer<Int32>) -> DeviceModel.Batch {
    isResident
      ? DeviceModel.Batch(resident: samples.baseAddress!, count: samples.count) : batch.deviceBatch(samples)
  }

  /// Whether whole steps are this rank's alone.
  var mayLookAhead: Bool { communicator.size == 1 && accumulate == 1 }

  /// - flags: whether a rank wants to stop, and to save.
  private func finish(_ sums: step_outcome, _ flags: [Double]) -> TrainingStep.Outcome {
    let (stop, save) = (flags[0] > 0, flags[1] > 0)
    guard sums.result == 0 else {
      return TrainingStep.Outcome(result: sums.result == 1 ? .notFinite : .weightless, stop: stop, save: save)
    }
    optimizer.countUpdate()
    return TrainingStep.Outcome(
      result: .updated, lossSum: sums.loss, weight: sums.weight, right: sums.right, counted: sums.counted,
      stop: stop, save: save, gradientNorm: sums.norm)
  }

  private func load() throws {
    if isLoaded { return }
    taken = []
    try device.load(
      parameters: UnsafeBufferPointer(model.parameters),
      states: optimizer.buffers.map { UnsafeBufferPointer($0.values) })
    isLoaded = true
  }

  /// Makes the copy in host memory current.
  func fetch() throws {
    if isFetched { return }
    try device.store(parameters: model.parameters, states: optimizer.buffers.map(\.values))
    model.parametersChanged()
    isFetched = true
  }

  /// The outputs for a batch, valid until the next call.
  func evaluate(_ inputs: UnsafePointer<Float>, batch: Int) throws -> UnsafeMutableBufferPointer<Float> {
    try load()
    let count = model.architecture.outputRows(steps: steps, batch: batch) * model.architecture.outputSize
    if outputs.count < count { outputs = [Float](repeating: 0, count: count) }
    // The array is not touched again before the next call.
    let all = outputs.withUnsafeMutableBufferPointer { $0 }
    let result = UnsafeMutableBufferPointer(rebasing: all[..<count])
    try device.evaluate(inputs: inputs, batch: batch, outputs: result)
    return result
  }
}

extension DeviceTraining {
  /// Whether a step takes less time here than on the processor; all ranks agree. Changes nothing of the run.
  /// - samples: a batch to try with, this rank's part.
  func isFaster(_ samples: UnsafeBufferPointer<Int32>) throws -> Bool {
    var seconds = [0.0, 0.0]
    if !samples.isEmpty {
      // Several steps at once take less time each than one alone: the engine's own trial knows.
      let known = engine.milliseconds[engine.engine].map { $0 / 1e3 }
      seconds[0] = try known ?? shortest(of: 5) { try tryStep(samples) }
      seconds[1] = try shortest(of: 3) { tryOnProcessor(samples) }
    }
    // What was tried did change the device's copy.
    isLoaded = false
    isFetched = true
    try seconds.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
    return seconds[0] < seconds[1]
  }

  private func shortest(of count: Int, _ body: () throws -> Void) throws -> Double {
    let clock = ContinuousClock()
    // The first two make programs, graphs and memory.
    for _ in 0..<2 { try body() }
    return try (0..<count).map { _ in try clock.measure(body) / .seconds(1) }.min()!
  }

  private func tryStep(_ samples: UnsafeBufferPointer<Int32>) throws {
    try load()
    let control = optimizer.control(seed: seed, step: 0, learningRate: 0, clipNorm: clipNorm)
    _ = try device.step(deviceBatch(samples), control)
  }

  private func tryOnProcessor(_ samples: UnsafeBufferPointer<Int32>) {
    batch.gather(samples)
    model.zeroGradients()
    let result = model.forward(
      inputs: batch.inputs, samples: samples.baseAddress!, steps: steps, batch: samples.count,
      mode: .training(seed: seed, step: 0))
    let width = model.architecture.outputSize
    var gradient = [Float](repeating: 0, count: result.count)
    _ = loss.evaluate(
      outputs: result.baseAddress!, rows: result.count / width, width: width, values: batch.values,
      classes: batch.classes, gradient: &gradient, kernels: model.kernels)
    model.backward(gradient)
    model.zeroGradients()
  }
}

extension SampleSet {
  /// Bytes of all samples' inputs.
  fileprivate var residentBytes: Int { count * shape.steps * shape.features * 4 }
}

extension Architecture {
  /// Whether a sample has a target for each of its steps.
  fileprivate var hasTargetsForSteps: Bool { cell != .none && readout == .everyStep }
}
