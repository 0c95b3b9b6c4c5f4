import CCUDA
import CUDA
import Recur

/// Steps of a bench case on a device; where its sequences have one length, the batch is the whole resident data set.
final class DeviceSteps {
  /// A batch, and what is trained.
  struct Data {
    /// `[T, B, F]`, where resident read as `[B, T, F]`: any numbers will do.
    let inputs: [Float]
    let tokens: [Int32]
    let lengths: [Int32]
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
  convenience init(_ benchCase: BenchCase, _ data: Data, _ executor: any Executor, _ engine: Engine?) throws {
    let plan = Self.plan(benchCase, executor)
    try plan.architecture.requireProgram()
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
    samples = Array((0..<device.stepsAtOnce).map { _ in data.samples }.joined())
    try device.load(
      parameters: UnsafeBufferPointer(data.model.parameters),
      states: data.optimizer.buffers.map { UnsafeBufferPointer($0.values) })
    if plan.resident > 0 { try data.fill(device) }
  }

  /// What a case asks of a device.
  static func plan(_ benchCase: BenchCase, _ executor: any Executor) -> StepPlan {
    let network = benchCase.architecture
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
      try data.withBatch(isResident: device.plan.resident > 0) { _ = try device.step($0, controls[0]) }
    }
    for _ in 0..<taken { optimizer.countUpdate() }
    return taken
  }
}

extension DeviceSteps.Data {
  /// Puts the batch into the resident data set.
  fileprivate func fill(_ device: DeviceModel) throws {
    let network = device.plan.architecture
    let rows = network.outputRows(steps: network.steps, batch: 1)
    for sample in samples.indices {
      func part<Element>(_ all: [Element], _ count: Int) -> [Element] {
        Array(all[sample * count..<(sample + 1) * count])
      }
      try device.setSample(
        sample, inputs: part(inputs, network.steps * network.inputSize),
        values: part(values, rows * network.outputSize), classes: part(classes, rows))
    }
  }

  fileprivate func withBatch(isResident: Bool, _ body: (DeviceModel.Batch) throws -> Void) rethrows {
    try samples.withUnsafeBufferPointer { samples in
      guard !isResident else {
        return try body(.init(resident: samples.baseAddress!, count: samples.count))
      }
      try inputs.withUnsafeBufferPointer { inputs in
        try tokens.withUnsafeBufferPointer { tokens in
          try lengths.withUnsafeBufferPointer { lengths in
            try values.withUnsafeBufferPointer { values in
              try classes.withUnsafeBufferPointer { classes in
                var batch = DeviceModel.Batch(
                  inputs: tokens.isEmpty ? inputs.baseAddress : nil, values: values.baseAddress,
                  classes: classes.baseAddress, samples: samples.baseAddress!, count: samples.count)
                batch.tokens = tokens.isEmpty ? nil : tokens.baseAddress
                batch.lengths = lengths.baseAddress
                try body(batch)
              }
            }
          }
        }
      }
    }
  }
}
