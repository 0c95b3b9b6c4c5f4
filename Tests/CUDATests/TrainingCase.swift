import CCUDA
import CUDA
import Recurrent
import TestSupport
import Testing
import Training

/// A small network, its batch and its optimizer: trained on the processor by `Model`, and by a program on an executor.
struct TrainingCase: Sendable, CustomTestStringConvertible {
  var network: Architecture
  var loss: Loss = .mse
  var optimizer = OptimizerSpecification(.adam())
  var batch = 5
  var clipNorm: Double?
  var learningRate = 0.02
  var testDescription: String {
    "\(network.layers) × \(network.cell) \(network.hiddenSize)\(network.bidirectional ? " both ways" : ""), "
      + "\(network.readout), \(network.head), \(loss), \(optimizer.rule)"
  }

  init(
    _ cell: Architecture.Cell, input: Int = 3, hidden: Int = 7, steps: Int = 4,
    _ readout: Architecture.Readout = .lastStep, head: [Architecture.HeadLayer] = [.linear(2)],
    _ change: (inout TrainingCase) -> Void = { _ in }
  ) {
    network = Architecture(
      cell: cell, inputSize: input, hiddenSize: cell == .none ? 0 : hidden, steps: steps, head: head)
    network.readout = readout
    change(&self)
  }

  /// What a run leaves behind.
  struct Result: Equatable {
    var losses: [Double] = []
    var weights: [Double] = []
    var right: [Double] = []
    var norms: [Double] = []
    var parameters: [Float] = []
    var outputs: [Float] = []

    /// The greatest difference of parameters, outputs, losses and norms, each relative to the greatest value of its kind.
    func difference(from other: Result) -> Double {
      guard weights == other.weights, right == other.right else { return .infinity }
      return [
        relative(parameters.map(Double.init), other.parameters.map(Double.init)),
        relative(outputs.map(Double.init), other.outputs.map(Double.init)), relative(losses, other.losses),
        relative(norms, other.norms),
      ].max()!
    }

    private func relative(_ a: [Double], _ b: [Double]) -> Double {
      guard a.count == b.count, !(a + b).contains(where: { !$0.isFinite }) else { return .infinity }
      let size = b.map(abs).max() ?? 0
      return (zip(a, b).map { abs($0 - $1) }.max() ?? 0) / max(size, 1e-30)
    }
  }

  private var rows: Int { network.outputRows(steps: network.steps, batch: batch) }
  private var samples: [Int32] { (0..<Int32(batch)).map { 11 + 3 * $0 } }

  private func inputs(_ step: Int) -> [Float] {
    Reference.wave(network.steps * batch * network.inputSize, phase: 0.7 * Double(step))
  }
  private func targets(_ step: Int) -> (values: [Float], classes: [Int32]) {
    let values = Reference.wave(rows * network.outputSize, phase: 0.3 + 0.5 * Double(step))
    let isProbability = loss == .bceWithLogits
    return (
      isProbability ? values.map { $0 * 0.5 + 0.5 } : values,
      loss.takesClasses ? Reference.classes(rows, width: network.outputSize, ignore: ignored) : []
    )
  }
  private var ignored: Int32? {
    if case .crossEntropy(let index, _, _) = loss, index >= 0 { index } else { nil }
  }

  private func withBuffers<A, B>(
    _ a: [A], _ b: [B], _ body: (UnsafePointer<A>, UnsafePointer<B>) throws -> Void
  ) rethrows {
    try a.withUnsafeBufferPointer { a in
      try b.withUnsafeBufferPointer { b in
        // An empty array has no address; nothing is read from it then.
        try body(
          a.baseAddress ?? UnsafePointer(bitPattern: 16)!, b.baseAddress ?? UnsafePointer(bitPattern: 16)!)
      }
    }
  }

  /// Steps on the processor.
  func onProcessor(steps: Int) throws -> Result {
    let model = try Model(network, seed: 3)
    let optimizer = Optimizer(optimizer, count: model.layout.count)
    var result = Result()
    var gradient = [Float](repeating: 0, count: rows * network.outputSize)
    for step in 0..<steps {
      let (inputs, targets) = (inputs(step), targets(step))
      model.zeroGradients()
      withBuffers(inputs, samples) { inputs, samples in
        let outputs = model.forward(
          inputs: inputs, samples: samples, steps: network.steps, batch: batch,
          mode: .training(seed: 9, step: UInt64(step)))
        let total = loss.evaluate(
          outputs: outputs.baseAddress!, rows: rows, width: network.outputSize, values: targets.values,
          classes: targets.classes, gradient: &gradient)
        result.right.append(Double(right(outputs.baseAddress!, targets)))
        model.backward(gradient)
        result.losses.append(total.sum)
        result.weights.append(total.weight)
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
    inputs(steps).withUnsafeBufferPointer {
      result.outputs = Array(
        model.forward(
          inputs: $0.baseAddress!, samples: samples, steps: network.steps, batch: batch, mode: .evaluation))
    }
    return result
  }

  private func right(_ outputs: UnsafePointer<Float>, _ targets: (values: [Float], classes: [Int32])) -> Int {
    let width = network.outputSize
    if loss == .bceWithLogits {
      return (0..<rows * width).count { (outputs[$0] > 0) == (targets.values[$0] > 0.5) }
    }
    guard loss.takesClasses else { return 0 }
    return (0..<rows).count { row in
      guard targets.classes[row] != ignored else { return false }
      let best = (0..<width).max { outputs[row * width + $0] < outputs[row * width + $1] }!
      return best == Int(targets.classes[row])
    }
  }

  /// Steps by the program.
  /// - capacity: the batch that memory is laid out for.
  func on(_ executor: any Executor, steps: Int, capacity: Int? = nil) throws -> Result {
    let start = try Model(network, seed: 3)
    let optimizer = Optimizer(optimizer, count: start.layout.count)
    let model = try DeviceModel(
      network, loss: loss, rule: optimizer.deviceRule, steps: network.steps, capacity: capacity ?? batch,
      executor: executor)
    try model.load(
      parameters: UnsafeBufferPointer(start.parameters),
      states: optimizer.buffers.map { UnsafeBufferPointer($0.values) })
    var result = Result()
    for step in 0..<steps {
      let (inputs, targets) = (inputs(step), targets(step))
      let control = optimizer.control(seed: 9, step: step, learningRate: learningRate, clipNorm: clipNorm)
      var outcome = step_outcome()
      try withBuffers(inputs, samples) { inputs, samples in
        try withBuffers(targets.values, targets.classes) { values, classes in
          outcome = try model.step(
            DeviceModel.Batch(
              inputs: inputs, values: values, classes: classes, samples: samples, count: batch), control)
        }
      }
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
}
