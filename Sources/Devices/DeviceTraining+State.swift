import CUDA
import Recurrent
import Training

/// What is where: on the device while it trains, in host memory for checkpoints and evaluation.
extension DeviceTraining {
  func load() throws {
    if isLoaded { return }
    taken = []
    try device.load(
      parameters: UnsafeBufferPointer(model.parameters),
      states: optimizer.buffers.map { UnsafeBufferPointer($0.values) })
    for (side, values) in sides { try device.load(UnsafeBufferPointer(values), to: side) }
    isLoaded = true
  }

  /// Makes the copy in host memory current.
  func fetch() throws {
    if isFetched { return }
    try device.store(parameters: model.parameters, states: optimizer.buffers.map(\.values))
    for (side, values) in sides { try device.store(side, into: values) }
    model.parametersChanged()
    isFetched = true
  }

  private var sides: [(DeviceModel.OptionalBuffer, UnsafeMutableBufferPointer<Float>)] {
    let all = [
      average.map { (DeviceModel.OptionalBuffer.average, $0.values) },
      states.map { (.hiddenStates, $0.hidden) },
      states.map { (.cellStates, $0.cell) },
    ]
    return all.compactMap { $0 }.filter { !$0.1.isEmpty }
  }

  /// Tells that the copy in host memory was changed.
  func copyChanged() {
    precondition(isFetched, "changes would be lost")
    isLoaded = false
  }

  /// Streams begin anew, those of the copy have.
  func resetStreams() throws {
    guard let states, isLoaded else { return }
    try device.load(UnsafeBufferPointer(states.hidden), to: .hiddenStates)
    if !states.cell.isEmpty { try device.load(UnsafeBufferPointer(states.cell), to: .cellStates) }
  }

  /// The streams of an evaluation begin anew.
  func resetEvaluation() throws {
    let zero = StreamStates(model.network, streams: StepPlan.evaluationStreams)
    try device.load(UnsafeBufferPointer(zero.hidden), to: .evaluationHidden)
    if !zero.cell.isEmpty { try device.load(UnsafeBufferPointer(zero.cell), to: .evaluationCells) }
  }
}

extension DeviceTraining {
  /// Whether a step takes less time here than on the processor; all ranks agree. Changes nothing of the run.
  /// - samples: a batch to try with, this rank's part.
  func isFaster(_ samples: UnsafeBufferPointer<Int32>) throws -> Bool {
    var seconds = [0.0, 0.0]
    if !samples.isEmpty {
      // Several steps at once take less time each than one alone: the engine's own trial knows.
      let known = engineChoice.milliseconds[engineChoice.engine].map { $0 / 1e3 }
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
    _ = try device.step(gathered(samples), control(step: 0, learningRate: 0))
  }

  private func tryOnProcessor(_ samples: UnsafeBufferPointer<Int32>) {
    set.gather(samples, into: batch)
    model.zeroGradients()
    let states = states.map { StreamStates(model.network, streams: $0.streams) }
    let result = model.forward(batch, mode: .training(seed: seed, step: 0), states: states)
    let width = model.network.outputSize
    var gradient = [Float](repeating: 0, count: result.count)
    _ = loss.evaluate(
      outputs: result.baseAddress!, rows: result.count / width, width: width, targets: batch.targets(),
      gradient: &gradient, kernels: model.kernels)
    model.backward(gradient)
    model.zeroGradients()
  }
}
