import CCUDA
import CUDA
import Recur

/// Steps of a bench case on a device; the batch is the whole resident data set.
final class DeviceSteps {
  /// A batch, and what is trained.
  struct Data {
    /// `[T, B, F]`, here read as `[B, T, F]`: any numbers will do.
    let inputs: [Float]
    let values: [Float]
    let classes: [Int32]
    let samples: [Int32]
    let model: Model
    let optimizer: Optimizer
  }

  let choice: EngineChoice
  private let device: DeviceModel
  private let data: Data
  /// Of all steps that are taken at once.
  private let samples: [Int32]

  /// - engine: nil for the one that takes the least time.
  init(_ benchCase: BenchCase, _ data: Data, _ executor: any Executor, _ engine: Engine?) throws {
    let plan = StepPlan(
      benchCase.architecture, loss: benchCase.loss, rule: .adam, steps: benchCase.architecture.steps,
      capacity: benchCase.batch, resident: benchCase.batch, precision: executor.precision,
      device: executor.traits)
    try plan.architecture.requireProgram()
    choice = try EngineChooser().choose(plan, forced: engine) { engine in
      let trial = try DeviceSteps(plan, data, executor, EngineChoice(engine, .forced))
      return { try trial.step() }
    }
    self.data = data
    device = try data.device(plan, choice.engine, executor)
    samples = Array((0..<device.stepsAtOnce).map { _ in data.samples }.joined())
  }

  private init(_ plan: StepPlan, _ data: Data, _ executor: any Executor, _ choice: EngineChoice) throws {
    self.choice = choice
    self.data = data
    device = try data.device(plan, choice.engine, executor)
    samples = Array((0..<device.stepsAtOnce).map { _ in data.samples }.joined())
  }

  /// Takes as many steps as one launch can; gives their number.
  func step() throws -> Int {
    let controls = (0..<device.stepsAtOnce).map {
      data.optimizer.control(
        seed: 0, step: data.optimizer.steps + $0, learningRate: 1e-3, clipNorm: nil, later: $0)
    }
    let taken = try samples.withUnsafeBufferPointer { try device.steps($0, controls).count }
    for _ in 0..<taken { data.optimizer.countUpdate() }
    return taken
  }
}

extension DeviceSteps.Data {
  /// With parameters and the batch in its memory.
  fileprivate func device(_ plan: StepPlan, _ engine: Engine, _ executor: any Executor) throws -> DeviceModel
  {
    let network = plan.architecture
    let device = try DeviceModel(plan, engine: engine, executor: executor)
    try device.load(
      parameters: UnsafeBufferPointer(model.parameters),
      states: optimizer.buffers.map { UnsafeBufferPointer($0.values) })
    let rows = network.outputRows(steps: plan.steps, batch: 1)
    for sample in samples.indices {
      func part<Element>(_ all: [Element], _ count: Int) -> [Element] {
        Array(all[sample * count..<(sample + 1) * count])
      }
      try device.setSample(
        sample, inputs: part(inputs, plan.steps * network.inputSize),
        values: part(values, rows * network.outputSize), classes: part(classes, rows))
    }
    return device
  }
}
