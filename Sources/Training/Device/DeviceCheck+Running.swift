import CCUDA
import CUDA
import Recurrent

extension DeviceCheck {
  /// Steps on the processor.
  public func onProcessor(steps: Int) throws -> Result {
    let model = try Model(network, seed: 3)
    let optimizer = Optimizer(optimizer, count: model.layout.count)
    var result = Result()
    var gradient = [Float](repeating: 0, count: rows * network.outputSize)
    for step in 0..<steps {
      let targets = targets(step)
      model.zeroGradients()
      withAddresses(inputs(step), samples) { inputs, samples in
        let outputs = model.forward(
          inputs: inputs, samples: samples, steps: network.steps, batch: batch,
          mode: .training(seed: 9, step: UInt64(step)))
        add(outputs.baseAddress!, targets, &gradient, to: &result)
        model.backward(gradient)
      }
      let weight = result.weights[step]
      let norm = model.gradients.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() / weight
      let clip = clipNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
      result.norms.append(norm)
      optimizer.update(
        model.parameters, gradients: model.gradients, scale: Float(clip / weight), learningRate: learningRate)
      model.parametersChanged()
    }
    result.parameters = Array(model.parameters)
    withAddresses(inputs(steps), samples) { inputs, samples in
      result.outputs = Array(
        model.forward(
          inputs: inputs, samples: samples, steps: network.steps, batch: batch, mode: .evaluation))
    }
    return result
  }

  private func add(
    _ outputs: UnsafePointer<Float>, _ targets: (values: [Float], classes: [Int32]),
    _ gradient: inout [Float],
    to result: inout Result
  ) {
    let width = network.outputSize
    let total = loss.evaluate(
      outputs: outputs, rows: rows, width: width, values: targets.values, classes: targets.classes,
      gradient: &gradient)
    let score = loss.score(
      outputs: outputs, rows: rows, width: width, values: targets.values, classes: targets.classes)
    result.losses.append(total.sum)
    result.weights.append(total.weight)
    result.right.append(Double(score.right))
  }

  /// What it asks of a device.
  /// - capacity: nil for the steps' batch.
  public func plan(on executor: any Executor, capacity: Int? = nil) -> StepPlan {
    StepPlan(
      network, loss: loss, rule: optimizer.deviceRule, steps: network.steps, capacity: capacity ?? batch,
      precision: executor.precision, device: executor.traits)
  }

  /// Steps by the program.
  /// - engine: nil for the one that suits the network.
  /// - capacity: the batch that memory is laid out for; nil for that of the steps.
  public func on(_ executor: any Executor, steps: Int, capacity: Int? = nil, engine: Engine? = nil)
    throws -> Result
  {
    let start = try Model(network, seed: 3)
    let optimizer = Optimizer(optimizer, count: start.layout.count)
    let model = try model(on: executor, start, optimizer, capacity: capacity, engine: engine)
    var result = Result()
    for step in 0..<steps {
      let control = optimizer.control(seed: 9, step: step, learningRate: learningRate, clipNorm: clipNorm)
      let outcome = try withBatch(step) { try model.step($0, control) }
      result.losses.append(outcome.loss)
      result.weights.append(outcome.weight)
      result.right.append(outcome.right)
      result.norms.append(outcome.norm)
      optimizer.countUpdate()
    }
    try model.store(parameters: start.parameters, states: optimizer.buffers.map(\.values))
    result.parameters = Array(start.parameters)
    result.outputs = [Float](repeating: .nan, count: rows * network.outputSize)
    try result.outputs.withUnsafeMutableBufferPointer { outputs in
      try model.evaluate(inputs: inputs(steps), batch: batch, outputs: outputs)
    }
    return result
  }

  /// The network on a device, as `start` and `optimizer` have it.
  package func model(
    on executor: any Executor, _ start: Model, _ optimizer: Optimizer, capacity: Int? = nil,
    engine: Engine? = nil
  ) throws -> DeviceModel {
    let model = try DeviceModel(
      network, loss: loss, rule: optimizer.specification.deviceRule, steps: network.steps,
      capacity: capacity ?? batch, engine: engine, executor: executor)
    try model.load(
      parameters: UnsafeBufferPointer(start.parameters),
      states: optimizer.buffers.map { UnsafeBufferPointer($0.values) })
    return model
  }

  /// Hands over the step's batch.
  package func withBatch<Value>(_ step: Int, _ body: (DeviceModel.Batch) throws -> Value) throws -> Value {
    let targets = targets(step)
    return try withAddresses(inputs(step), samples) { inputs, samples in
      try withAddresses(targets.values, targets.classes) { values, classes in
        try body(
          DeviceModel.Batch(
            inputs: inputs, values: values, classes: classes, samples: samples, count: batch))
      }
    }
  }

  private func withAddresses<A, B, Value>(
    _ a: [A], _ b: [B], _ body: (UnsafePointer<A>, UnsafePointer<B>) throws -> Value
  ) rethrows -> Value {
    try a.withUnsafeBufferPointer { a in
      try b.withUnsafeBufferPointer { b in
        // An empty array has no address; nothing is read from it then.
        let nowhere = UnsafeMutableRawPointer(bitPattern: 16)!
        return try body(
          a.baseAddress ?? UnsafePointer(nowhere.assumingMemoryBound(to: A.self)),
          b.baseAddress ?? UnsafePointer(nowhere.assumingMemoryBound(to: B.self)))
      }
    }
  }
}
