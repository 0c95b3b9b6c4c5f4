import Kernels
import Recur

/// Runs one bench case: a model, an optimizer and a batch of random numbers, straight from the library.
final class StepTimer {
  private let benchCase: BenchCase
  private let threads: Int
  private let model: Model
  private let optimizer: Optimizer
  private let inputs: [Float]
  private let values: [Float]
  private let classes: [Int32]
  private let samples: [Int32]
  private var gradient: [Float]

  init(_ benchCase: BenchCase, threads: Int) throws {
    self.benchCase = benchCase
    self.threads = threads
    let network = benchCase.architecture
    let rows = network.outputRows(steps: network.steps, batch: benchCase.batch)
    var random = Xorshift()
    model = try Model(network, seed: 0, kernels: .fromEnvironment(), threads: threads)
    optimizer = Optimizer(OptimizerSpecification(.adam()), count: model.parameters.count)
    inputs = (0..<network.steps * benchCase.batch * network.inputSize).map { _ in random.uniform() * 2 - 1 }
    values = (0..<rows * network.outputSize).map { _ in random.uniform() }
    classes = (0..<rows).map { _ in Int32(random.uniform() * Float(network.outputSize)) }
    samples = (0..<Int32(benchCase.batch)).map { $0 }
    gradient = [Float](repeating: 0, count: rows * network.outputSize)
  }

  /// Steps for about `seconds`, five at least, after three that are not counted.
  /// - profiled: measure the parts of a step too.
  func measure(seconds: Double, profiled: Bool = false) -> BenchResult {
    let clock = ContinuousClock()
    var times: [Duration] = []
    times.reserveCapacity(200_000)
    for _ in 0..<3 { step() }
    let profile = profiled ? StepProfile() : nil
    model.team.profile = profile
    let end = clock.now + .seconds(seconds)
    repeat { times.append(clock.measure(step)) } while times.count < 5 || clock.now < end
    let total = times.reduce(.zero, +) / .milliseconds(1)
    let count = Double(times.count)
    times.sort()
    let median = times[times.count / 2] / .milliseconds(1)
    return BenchResult(
      name: benchCase.name, threads: threads,
      milliseconds: .init(median: median, min: times[0] / .milliseconds(1)),
      gflops: benchCase.operations / median / 1e6, samplesPerSecond: Double(benchCase.batch) / median * 1e3,
      steps: times.count, profile: profile?.results(steps: count, milliseconds: total / count))
  }

  private func step() {
    model.zeroGradients()
    inputs.withUnsafeBufferPointer { step($0.baseAddress!) }
    model.parametersChanged()
  }

  /// `inputs` stays in place from forward to backward.
  private func step(_ inputs: UnsafePointer<Float>) {
    let network = benchCase.architecture
    let width = network.outputSize
    let outputs = model.forward(
      inputs: inputs, samples: samples, steps: network.steps, batch: benchCase.batch,
      mode: .training(seed: 0, step: UInt64(optimizer.steps)))
    let total = model.team.measure(.loss) {
      benchCase.loss.evaluate(
        outputs: UnsafePointer(outputs.baseAddress!), rows: outputs.count / width, width: width,
        values: values,
        classes: classes, gradient: &gradient, kernels: model.kernels)
    }
    model.backward(gradient)
    optimizer.update(
      model.parameters, gradients: model.gradients, scale: Float(1 / total.weight), learningRate: 1e-3,
      team: model.team)
  }
}

/// Marsaglia's xorshift64*: the numbers only need to be ordinary.
private struct Xorshift {
  private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// In 0..<1.
  mutating func uniform() -> Float {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return Float((state &* 0x2545_F491_4F6C_DD1D) >> 40) / 16_777_216
  }
}
