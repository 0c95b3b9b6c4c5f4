import CUDA
import Devices
import Recurrent
import TestSupport
import Testing
import Training

/// Each engine's kernels, run by the processor, against the equations of the cell's description in double precision.
@Suite("A GPU's engines equal the cell's equations", .tags(.long)) struct EquationTests {
  private static let cells = Network.Cell.recurrent

  /// A plain layer of random sizes whose outputs are the network's; every other one is wide enough for clusters.
  private func check(_ cell: Network.Cell, seed: UInt64) -> DeviceCheck {
    var random = SplitMix(state: seed)
    // The shim has kernels for clusters of just some sizes.
    let hidden = seed % 2 == 0 ? 40 : Int.random(in: 2...32, using: &random)
    return DeviceCheck(
      cell, input: .random(in: 1...9, using: &random), hidden: hidden,
      steps: .random(in: 1...4, using: &random), .everyStep, head: []
    ) {
      $0.network.bidirectional = Bool.random(using: &random)
      $0.network.bias = Int.random(in: 0...3, using: &random) > 0
      $0.batch = Int.random(in: 1...5, using: &random)
      $0.optimizer = OptimizerSpecification(.sgd())
      // A power of two, and large: what the step takes off the parameters is their gradient in nearly all its digits.
      $0.learningRate = 16
    }
  }

  private func executor() -> ShimExecutor {
    let executor = ShimExecutor()
    executor.traits.libraries.append(.cudnn)
    executor.traits.clusters = [DeviceTraits.Clusters(blocks: 2, count: 8)]
    return executor
  }

  @Test(arguments: cells) func outputsAndGradients(_ cell: Network.Cell) throws {
    let first = UInt64.random(in: 0...UInt64.max / 2)
    var met: Set<Engine> = []
    for seed in first..<first + 8 {
      let c = check(cell, seed: seed)
      let model = try Model(c.network, seed: 3)
      let start = withExtendedLifetime(model) { Array(model.parameters) }
      let outputs = self.outputs(c, start.map(Double.init))
      for engine in Engine.able(c.plan(on: executor())) {
        met.insert(engine)
        let untrained = try c.on(executor(), steps: 0, engine: engine)
        #expect(
          largest(zip(untrained.outputs, outputs).map { Double($0) - $1 }) < 2e-6,
          "\(engine), seed \(seed): \(c)")
        let trained = try c.on(executor(), steps: 1, engine: engine).parameters
        try expectGradient(
          zip(start, trained).map { (Double($0) - Double($1)) / c.learningRate }, of: c, start,
          "\(engine), seed \(seed)")
      }
    }
    #expect(met.isSuperset(of: [.stepwise, .walk, .cluster, .cudnn]))
  }

  /// Along a random direction of each parameter.
  private func expectGradient(_ gradient: [Double], of c: DeviceCheck, _ start: [Float], _ name: String)
    throws
  {
    let parameters = start.map(Double.init)
    for entry in ParameterLayout(c.network).entries {
      let wave = Reference.wave(entry.range.count, phase: 0.9).map(Double.init)
      func loss(_ distance: Double) -> Double {
        var moved = parameters
        for (index, step) in zip(entry.range, wave) { moved[index] += distance * step }
        return self.loss(c, outputs(c, moved))
      }
      let slope = (loss(1e-5) - loss(-1e-5)) / 2e-5
      let found = zip(gradient[entry.range], wave).reduce(0) { $0 + $1.0 * $1.1 }
      let size = gradient[entry.range].reduce(0) { $0 + abs($1) }
      #expect(abs(found - slope) < 1e-4 * size + 1e-7, "\(entry.name), \(name): \(c)")
    }
  }

  /// Copies of what the first step reads.
  private func numbers(_ c: DeviceCheck) -> (inputs: [Float], values: [Float]) {
    guard case .batch(let batch) = c.samples(0) else { preconditionFailure("the check makes its batches") }
    return withExtendedLifetime(batch) {
      (
        Array(batch.inputs),
        Array(UnsafeBufferPointer(start: batch.values, count: batch.targetRows * c.network.outputSize))
      )
    }
  }

  /// `[T, B, D·H]`
  private func outputs(_ c: DeviceCheck, _ parameters: [Double]) -> [Double] {
    let (a, layout, inputs) = (c.network, ParameterLayout(c.network), numbers(c).inputs)
    var outputs = [Double](repeating: .nan, count: a.steps * c.batch * a.outputWidth)
    for direction in 0..<a.directions {
      let layer = ReferenceLayer(a, layer: 0, direction: direction, layout, parameters)
      for b in 0..<c.batch {
        var state = layer.zero
        for index in 0..<a.steps {
          let row = (direction == 0 ? index : a.steps - 1 - index) * c.batch + b
          state = layer.step((0..<a.inputSize).map { Double(inputs[row * a.inputSize + $0]) }, state)
          let start = row * a.outputWidth + direction * a.hiddenSize
          outputs.replaceSubrange(start..<start + a.hiddenSize, with: state.hidden)
        }
      }
    }
    return outputs
  }

  /// The mean squared error.
  private func loss(_ c: DeviceCheck, _ outputs: [Double]) -> Double {
    let values = numbers(c).values
    return outputs.indices.reduce(0) {
      let error = outputs[$1] - Double(values[$1])
      return $0 + error * error
    } / Double(outputs.count)
  }

  private func largest(_ values: [Double]) -> Double { values.map(abs).max() ?? .infinity }
}
