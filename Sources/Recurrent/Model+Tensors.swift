import Batches
import Diagnostics

/// What a program does with a model: outputs, losses of its own, parameters by name.
extension Model {
  /// The network's outputs, dropout off.
  /// - Returns: `[B, outputs]` in the order of the samples; with an output for each step `[B, T, outputs]`, or where lengths differ
  ///   `[rows, outputs]`, sample after sample.
  /// - Throws: `badData` where the batch is not what this network reads.
  public func predict(_ batch: Batch) throws(Failure) -> Tensor {
    try check(batch)
    let (outputs, width) = (forward(batch, mode: .evaluation), network.outputSize)
    let perStep = network.readsEveryStep
    var values: [Float] = []
    values.reserveCapacity(outputs.count)
    batch.forEachOutputRowInOrder(perStep: perStep) { values += outputs[$0 * width..<($0 + 1) * width] }
    let rows = values.count / width
    let isCube = perStep && batch.rows.isUniform
    return try Tensor(values, shape: isCube ? [batch.count, rows / batch.count, width] : [rows, width])
  }

  /// Forward, a loss of the program's own, backward: adds the gradients of a batch to those there are.
  ///
  ///     let loss = try model.forward(batch) { outputs, dOutputs in
  ///       var sum: Float = 0
  ///       for i in outputs.indices {
  ///         let error = outputs[i] - targets[i]
  ///         (sum, dOutputs[i]) = (sum + error * error, 2 * error)
  ///       }
  ///       return sum
  ///     }
  ///
  /// - Parameters:
  ///   - seed: of dropout masks, with `step`.
  ///   - loss: is given the outputs `[rows, outputs]` as the samples lie in the batch (`Batch.outputRow` says where), and writes the
  ///     gradient of each, all 0 before.
  /// - Returns: what the loss returns.
  /// - Throws: `badData` where the batch is not what this network reads, and what the loss throws; no gradient is added then.
  @discardableResult
  public func forward<Result>(
    _ batch: Batch, seed: UInt64 = 0, step: Int = 0,
    _ loss: (_ outputs: Span<Float>, _ dOutputs: inout MutableSpan<Float>) throws -> Result
  ) throws -> Result {
    try check(batch)
    let outputs = forward(batch, mode: .training(seed: seed, step: UInt64(max(step, 0))))
    var gradient = [Float](repeating: 0, count: outputs.count)
    var dOutputs = gradient.mutableSpan
    let result = try loss(Span(_unsafeElements: UnsafeBufferPointer(outputs)), &dOutputs)
    backward(gradient)
    return result
  }

  /// Changes the parameters by their gradients, in the order of `layout`, as an optimizer of the program's own does.
  public func update<Result>(
    _ body: (_ parameters: inout MutableSpan<Float>, _ gradients: Span<Float>) throws -> Result
  ) rethrows -> Result {
    defer { parametersChanged() }
    var parameters = MutableSpan(_unsafeElements: self.parameters)
    return try body(&parameters, Span(_unsafeElements: UnsafeBufferPointer(gradients)))
  }

  /// A parameter by PyTorch's name, for example `rnn.weight_ih_l0`.
  /// - Throws: `badData` that lists the names where there is none of this one.
  public func parameter(_ name: String) throws(Failure) -> Tensor {
    let entry = try entry(name)
    return try Tensor(Array(parameters[entry.range]), shape: entry.shape)
  }

  /// The sum of gradients of a parameter since `zeroGradients`.
  /// - Throws: as `parameter`.
  public func gradient(_ name: String) throws(Failure) -> Tensor {
    let entry = try entry(name)
    return try Tensor(Array(gradients[entry.range]), shape: entry.shape)
  }

  /// Sets a parameter.
  /// - Throws: `badData` where there is none of this name and shape.
  public func setParameter(_ name: String, to value: Tensor) throws(Failure) {
    let entry = try entry(name)
    guard value.shape == entry.shape else {
      throw .badData("\(name) has shape \(entry.shape), not \(value.shape)")
    }
    _ = parameters[entry.range].update(fromContentsOf: value.values)
    parametersChanged()
  }

  private func entry(_ name: String) throws(Failure) -> ParameterLayout.Entry {
    if let entry = layout[name] { return entry }
    let names = layout.entries.map(\.name).joined(separator: ", ")
    throw .badData("there is no parameter \(name); this network has \(names)")
  }
}
