import CCUDA
import CUDA
import Recurrent
import Training

/// What several ranks ask of a device, as far as one can be asked alone.
extension DeviceCheck {
  /// The gradients of two micro-batches, copied at once or layer by layer while the layers below are computed.
  /// - isFinal: told from where on gradients are there, layer by layer.
  package func gradients(
    on executor: any Executor, engine: Engine? = nil, inParts: Bool, isFinal: (Int) -> Void = { _ in }
  ) throws -> [Float] {
    let (model, optimizer) = try started(on: executor, engine: engine)
    let memory = try model.gradientMemory()
    try model.begin(control(optimizer, 0))
    try model.compute(samples(0))
    if inParts {
      try model.compute(samples(1), into: memory, isFinal: isFinal)
    } else {
      try model.compute(samples(1))
      try model.readGradients(into: memory)
    }
    return Array(memory.floats)
  }

  /// The parameters after steps of one rank.
  /// - inGroup: whether sums go through the group that the executor has joined.
  package func parameters(on executor: any Executor, steps: Int, inGroup: Bool) throws -> [Float] {
    let (model, optimizer) = try started(on: executor, engine: nil)
    for step in 0..<steps {
      try model.begin(control(optimizer, step))
      try model.compute(samples(step))
      _ = try inGroup ? model.updateOfRanks {} : model.update()
      optimizer.countUpdate()
    }
    var parameters = [Float](repeating: .nan, count: ParameterLayout(network).count)
    try parameters.withUnsafeMutableBufferPointer { try model.store(parameters: $0, states: []) }
    return parameters
  }

  private func started(on executor: any Executor, engine: Engine?) throws -> (DeviceModel, Optimizer) {
    let start = try Model(network, seed: 3)
    let optimizer = Optimizer(optimizer, count: start.layout.count)
    return (try model(on: executor, start, optimizer, engine: engine), optimizer)
  }
}
