import Batches
import CCUDA
import CUDA
import Recurrent
import Training

extension DeviceCheck {
  /// Steps on the processor.
  package func onProcessor(steps: Int) throws -> RunResult {
    let model = try Model(network, seed: 3)
    let optimizer = Optimizer(optimizer, count: model.layout.count)
    let average = averageDecay.map { ParameterAverage(decay: $0, model.parameters) }
    let states = makeStates()
    var result = RunResult()
    for step in 0..<steps {
      model.zeroGradients()
      let batch = batch(step)
      let outputs = model.forward(batch, mode: .training(seed: 9, step: UInt64(step)), states: states)
      model.backward(add(outputs, batch, to: &result))
      let weight = result.weights[step]
      let norm = model.gradients.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() / weight
      result.norms.append(norm)
      var scale = Float((limits.norm.map { min(1, $0 / (norm + 1e-6)) } ?? 1) / weight)
      if let limit = limits.value {
        model.gradients.scale(by: scale, limitedTo: limit)
        scale = 1
      }
      optimizer.update(
        model.parameters, gradients: model.gradients, scale: scale, learningRate: learningRate)
      average?.update(model.parameters, isFirst: optimizer.steps == 1)
      model.parametersChanged()
    }
    result.parameters = Array(model.parameters)
    result.average = average.map { Array($0.values) } ?? []
    result.states = states.map { Array($0.hidden) + Array($0.cell) } ?? []
    result.outputs = Array(model.forward(batch(steps), mode: .evaluation, states: makeStates()))
    return result
  }

  /// Adds a step's sums to the result. Returns the gradient of the outputs.
  private func add(
    _ outputs: UnsafeMutableBufferPointer<Float>, _ batch: Batch, to result: inout RunResult
  ) -> [Float] {
    let (width, base) = (network.outputSize, outputs.baseAddress!)
    let rows = outputs.count / width
    var gradient = [Float](repeating: 0, count: outputs.count)
    let total = loss.evaluate(
      outputs: base, rows: rows, width: width, targets: batch.targets(), gradient: &gradient)
    let score = loss.score(outputs: base, rows: rows, width: width, targets: batch.targets())
    result.losses.append(total.sum)
    result.weights.append(total.weight)
    result.right.append(score.right)
    return gradient
  }

  /// What it asks of a device.
  /// - capacity: nil for the steps' batch.
  package func plan(on executor: any Executor, capacity: Int? = nil) -> StepPlan {
    var plan = StepPlan(
      network, loss: loss, rule: optimizer.deviceRule, steps: network.steps, capacity: capacity ?? batch,
      precision: executor.precision, device: executor.traits)
    plan.hasLengths = hasLengths
    plan.streams = isStreamed ? batch : 0
    plan.averages = averageDecay != nil
    return plan
  }

  /// Steps by the program.
  /// - engine: nil for the one that suits the network.
  /// - capacity: the batch that memory is laid out for; nil for that of the steps.
  package func on(_ executor: any Executor, steps: Int, capacity: Int? = nil, engine: Engine? = nil)
    throws -> RunResult
  {
    let start = try Model(network, seed: 3)
    let optimizer = Optimizer(optimizer, count: start.layout.count)
    let model = try model(on: executor, start, optimizer, capacity: capacity, engine: engine)
    var result = RunResult()
    for step in 0..<steps {
      let outcome = try model.step(samples(step), control(optimizer, step))
      result.losses.append(outcome.loss)
      result.weights.append(outcome.weight)
      result.right.append(outcome.right)
      result.norms.append(outcome.norm)
      optimizer.countUpdate()
    }
    try model.store(parameters: start.parameters, states: optimizer.buffers.map(\.values))
    result.parameters = Array(start.parameters)
    try store(model, &result)
    let last = batch(steps)
    result.outputs = [Float](repeating: .nan, count: last.targetRows * network.outputSize)
    try result.outputs.withUnsafeMutableBufferPointer { outputs in
      try model.evaluate(last, outputs: outputs)
    }
    return result
  }

  /// The network on a device, as `start` and `optimizer` have it.
  package func model(
    on executor: any Executor, _ start: Model, _ optimizer: Optimizer, capacity: Int? = nil,
    engine: Engine? = nil
  ) throws -> DeviceModel {
    let model = try DeviceModel(plan(on: executor, capacity: capacity), engine: engine, executor: executor)
    try model.load(
      parameters: UnsafeBufferPointer(start.parameters),
      states: optimizer.buffers.map { UnsafeBufferPointer($0.values) })
    return model
  }

  package func control(_ optimizer: Optimizer, _ step: Int) -> step_control {
    var control = optimizer.control(seed: 9, step: step, learningRate: learningRate, limits)
    control.average_decay = Float(averageDecay ?? 0)
    return control
  }

  /// The step's batch.
  package func samples(_ step: Int) -> DeviceModel.Samples { .batch(batch(step)) }

  /// What not every network has.
  private func store(_ model: DeviceModel, _ result: inout RunResult) throws {
    if averageDecay != nil {
      result.average = [Float](repeating: .nan, count: result.parameters.count)
      try result.average.withUnsafeMutableBufferPointer { try model.store(.average, into: $0) }
    }
    guard let states = makeStates() else { return }
    try model.store(.hiddenStates, into: states.hidden)
    if !states.cell.isEmpty { try model.store(.cellStates, into: states.cell) }
    result.states = Array(states.hidden) + Array(states.cell)
  }
}
