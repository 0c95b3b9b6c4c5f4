import CUDA
import Recur

/// Steps of a bench case on a device; where its sequences have one length, the batch is the whole resident data set.
final class DeviceSteps {
  /// A batch, and what is trained.
  struct Data {
    let batch: Batch
    let model: Model
    let optimizer: Optimizer
  }

  let choice: EngineChoice
  private let device: DeviceModel
  private let data: Data
  /// Of all steps that are taken at once.
  private let samples: [Int32]

  /// - engine: nil for the one that takes the least time.
  convenience init(_ benchCase: BenchCase, _ data: Data, _ executor: any Executor, _ engine: Engine?) throws {
    let plan = Self.plan(benchCase, executor)
    try plan.requireProgram()
    let choice = try EngineChooser().choose(plan, forced: engine) { engine in
      let trial = try DeviceSteps(plan, data, executor, EngineChoice(engine, .forced))
      return { try trial.step() }
    }
    try self.init(plan, data, executor, choice)
  }

  private init(_ plan: StepPlan, _ data: Data, _ executor: any Executor, _ choice: EngineChoice) throws {
    self.choice = choice
    self.data = data
    device = try DeviceModel(plan, engine: choice.engine, executor: executor)
    samples = Array((0..<device.stepsAtOnce).map { _ in 0..<Int32(data.batch.count) }.joined())
    try device.load(
      parameters: UnsafeBufferPointer(data.model.parameters),
      states: data.optimizer.buffers.map { UnsafeBufferPointer($0.values) })
    if plan.resident > 0 { try data.fill(device) }
  }

  /// What a case asks of a device.
  static func plan(_ benchCase: BenchCase, _ executor: any Executor) -> StepPlan {
    let network = benchCase.network
    let isPlain = benchCase.lengths == nil && network.embedding == nil
    var plan = StepPlan(
      network, loss: benchCase.loss, rule: .adam, steps: network.steps, capacity: benchCase.batch,
      resident: isPlain ? benchCase.batch : 0, precision: executor.precision, device: executor.traits)
    plan.hasLengths = benchCase.lengths != nil
    return plan
  }

  /// Takes as many steps as one launch can; gives their number.
  func step() throws -> Int {
    let optimizer = data.optimizer
    let controls = (0..<device.stepsAtOnce).map {
      optimizer.control(
        seed: 0, step: optimizer.steps + $0, learningRate: 1e-3, GradientLimits(), later: $0)
    }
    var taken = 1
    if controls.count > 1 {
      taken = try samples.withUnsafeBufferPointer { try device.steps($0, controls).count }
    } else {
      try samples.withUnsafeBufferPointer {
        _ = try device.step(device.plan.resident > 0 ? .resident($0) : .batch(data.batch), controls[0])
      }
    }
    for _ in 0..<taken { optimizer.countUpdate() }
    return taken
  }
}

extension DeviceSteps.Data {
  /// Puts the batch into the resident data set; which of its numbers a sample gets does not matter.
  fileprivate func fill(_ device: DeviceModel) throws {
    let network = device.plan.network
    let (inputs, rows) = (
      network.steps * network.inputSize, network.outputRows(steps: network.steps, batch: 1)
    )
    for sample in 0..<batch.count {
      try device.setSample(
        sample, inputs: batch.inputs.baseAddress! + sample * inputs,
        values: batch.values + (device.plan.loss.takesClasses ? 0 : sample * rows * network.outputSize),
        classes: batch.classes + (device.plan.loss.takesClasses ? sample * rows : 0))
    }
  }
}
