import Batches
import CCUDA
import CUDA
import Collective
import Dataset
import Recurrent
import Training

/// Steps of a run on a device, to time engines with. Nothing of the run changes.
struct EngineTrial {
  let executor: any Executor
  let plan: StepPlan
  let run: TrainingStep
  let batch: Batch
  let limits: GradientLimits
  let accumulate: Int
  /// Samples of a step on this rank.
  let count: Int

  /// The engine of all ranks: that of the options, else rank 0's choice among those that all can use.
  func choose(_ options: EngineOptions, _ communicator: any Communicator) throws -> EngineChoice {
    let common = try common(communicator)
    let own = try communicator.together { () throws -> EngineChoice? in
      let chooser = EngineChooser(files: options.files)
      if let engine = options.engine { return try chooser.choose(plan, forced: engine) { _ in { 1 } } }
      guard communicator.rank == 0 else { return nil }
      return try chooser.choose(plan, batch: count, among: common, prepare: prepare)
    }
    let name = try communicator.broadcastBytes([UInt8]((own?.engine.rawValue ?? "").utf8))
    return own ?? EngineChoice(Engine(rawValue: String(decoding: name, as: UTF8.self))!, .agreed)
  }

  /// What every rank's device can use.
  private func common(_ communicator: any Communicator) throws -> [Engine] {
    let names = Engine.able(plan).map(\.rawValue).joined(separator: " ")
    let all = try communicator.allGather([UInt8](names.utf8)).map {
      String(decoding: $0, as: UTF8.self).split(separator: " ").map(String.init)
    }
    return Engine.allCases.filter { engine in all.allSatisfy { $0.contains(engine.rawValue) } }
  }

  /// As `EngineChooser.choose` wants it, with the first samples and a learning rate of 0.
  private func prepare(_ engine: Engine) throws -> () throws -> Int {
    var plan = plan
    plan.resident = min(plan.resident, count)
    let device = try DeviceModel(plan, engine: engine, executor: executor)
    try device.load(
      parameters: UnsafeBufferPointer(run.model.parameters),
      states: run.learner.optimizer.buffers.map { UnsafeBufferPointer($0.values) })
    if plan.resident > 0 { try device.load(run.set, batch, samples: count) }
    return { try step(device) }
  }

  private func step(_ device: DeviceModel) throws -> Int {
    let numbers = (0..<Int32(count)).map { $0 }
    let control = run.learner.optimizer.control(seed: 0, step: 0, learningRate: 0, limits)
    let isAlone = run.communicator.size == 1 && accumulate == 1
    let steps = isAlone ? min(device.stepsAtOnce, run.set.count / count) : 1
    if steps > 1 {
      let all = Array((0..<steps).map { _ in numbers }.joined())
      return try all.withUnsafeBufferPointer {
        try device.steps($0, [step_control](repeating: control, count: steps)).count
      }
    }
    try numbers.withUnsafeBufferPointer { numbers in
      if plan.resident == 0 { run.set.gather(numbers, into: batch) }
      let data = plan.resident > 0 ? DeviceModel.Samples.resident(numbers) : .batch(batch)
      if isAlone {
        _ = try device.step(data, control)
        return
      }
      try device.begin(control)
      try device.compute(data)
      if run.communicator.size > 1 { try device.readGradients(into: device.gradientMemory()) }
      _ = try device.update()
    }
    return 1
  }
}

extension DeviceModel {
  /// Fills the resident data set with the first samples.
  func load(_ set: any SampleSet, _ batch: Batch, samples: Int) throws {
    for number in 0..<Int32(samples) {
      set.gather([number], into: batch)
      try setSample(
        Int(number), inputs: batch.inputs.baseAddress!, values: batch.values, classes: batch.classes)
    }
  }
}
