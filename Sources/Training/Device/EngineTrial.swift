import CCUDA
import CUDA
import Collective
import Recurrent

/// Steps of a run on a device, to time engines with. Nothing of the run changes.
struct EngineTrial {
  let executor: any Executor
  let plan: StepPlan
  let model: Model
  let optimizer: Optimizer
  let recipe: Recipe
  let batch: BatchBuffer
  /// Samples of a step on this rank, and of the data set.
  let count: Int
  let samples: Int
  let isAlone: Bool

  /// The engine of all ranks: that of the options, else rank 0's choice among those that all can use.
  func choose(_ options: TrainingOptions, _ communicator: any Communicator) throws -> EngineChoice {
    let able = try communicator.allGather(
      [UInt8](Engine.able(plan).map(\.rawValue).joined(separator: " ").utf8)
    )
    .map { String(decoding: $0, as: UTF8.self).split(separator: " ").map(String.init) }
    let common = Engine.allCases.filter { engine in able.allSatisfy { $0.contains(engine.rawValue) } }
    let own = try communicator.together { () throws -> EngineChoice? in
      if let engine = options.engine {
        return try chooser(options).choose(plan, forced: engine) { _ in { 1 } }
      }
      guard communicator.rank == 0 else { return nil }
      return try chooser(options).choose(plan, batch: count, among: common, prepare: prepare)
    }
    let name = try communicator.broadcastBytes([UInt8]((own?.engine.rawValue ?? "").utf8))
    return own ?? EngineChoice(Engine(rawValue: String(decoding: name, as: UTF8.self))!, .agreed)
  }

  private func chooser(_ options: TrainingOptions) -> EngineChooser {
    EngineChooser(files: options.engineFiles)
  }

  /// As `EngineChooser.choose` wants it, with the first samples and a learning rate of 0.
  private func prepare(_ engine: Engine) throws -> () throws -> Int {
    var plan = plan
    plan.resident = min(plan.resident, count)
    let device = try DeviceModel(plan, engine: engine, executor: executor)
    try device.load(
      parameters: UnsafeBufferPointer(model.parameters),
      states: optimizer.buffers.map { UnsafeBufferPointer($0.values) })
    if plan.resident > 0 { try device.load(batch, samples: count) }
    return { try step(device) }
  }

  private func step(_ device: DeviceModel) throws -> Int {
    let control = optimizer.control(seed: 0, step: 0, learningRate: 0, clipNorm: recipe.train.clipNorm)
    let numbers = (0..<Int32(count)).map { $0 }
    let isResident = plan.resident > 0
    let steps =
      isResident && isAlone && recipe.train.accumulate == 1 ? min(device.stepsAtOnce, samples / count) : 1
    if steps > 1 {
      let all = Array((0..<steps).map { _ in numbers }.joined())
      return try all.withUnsafeBufferPointer {
        try device.steps($0, [step_control](repeating: control, count: steps)).count
      }
    }
    try numbers.withUnsafeBufferPointer { numbers in
      let data =
        isResident
        ? DeviceModel.Batch(resident: numbers.baseAddress!, count: count) : batch.deviceBatch(numbers)
      if isAlone, recipe.train.accumulate == 1 {
        _ = try device.step(data, control)
      } else {
        try device.begin(control)
        try device.compute(data)
        if !isAlone { try device.readGradients(into: device.gradientMemory()) }
        _ = try device.update()
      }
    }
    return 1
  }
}

extension BatchBuffer {
  /// These samples in host memory, until the next call.
  func deviceBatch(_ samples: UnsafeBufferPointer<Int32>) -> DeviceModel.Batch {
    gather(samples)
    return DeviceModel.Batch(
      inputs: inputs, values: values, classes: classes, samples: samples.baseAddress!, count: samples.count)
  }
}

extension DeviceModel {
  /// Fills the resident data set with the first samples.
  func load(_ batch: BatchBuffer, samples: Int) throws {
    for number in 0..<Int32(samples) {
      withUnsafePointer(to: number) { batch.gather(UnsafeBufferPointer(start: $0, count: 1)) }
      try setSample(Int(number), inputs: batch.inputs, values: batch.values, classes: batch.classes)
    }
  }
}
