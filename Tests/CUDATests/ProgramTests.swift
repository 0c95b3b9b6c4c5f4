import CUDA
import CUDAShim
import Recurrent
import Testing
import Training

/// Whole training runs by the program, its kernels executed on the processor, against the processor's own engine.
@Suite struct ProgramTests {
  static let cases: [TrainingCase] = [
    TrainingCase(.lstm) { $0.network.layers = 2 },
    TrainingCase(.gru) { $0.network.layers = 2 },
    TrainingCase(.rnn) { $0.network.layers = 2 },
    TrainingCase(.lstm, hidden: 18, steps: 3, .allSteps, head: [.linear(1), .sigmoid]) {
      $0.network.layers = 2
      $0.network.bidirectional = true
      $0.network.dropout = 0.3
      $0.clipNorm = 0.05
      $0.learningRate = 0.005
    },
    TrainingCase(.gru, hidden: 5, .finalState, head: [.linear(6), .relu, .dropout(0.4), .linear(3)]) {
      $0.network.bidirectional = true
      $0.network.layers = 2
      $0.network.dropout = 0.2
      $0.loss = .crossEntropy(ignoreIndex: 1, classWeights: [0.5, 1, 2], labelSmoothing: 0.1)
      $0.optimizer = OptimizerSpecification(.adamW())
    },
    TrainingCase(.rnn, .everyStep, head: [.linear(70)]) {
      $0.network.nonlinearity = .relu
      $0.network.bidirectional = true
      $0.network.bias = false
      $0.batch = 12
      $0.loss = .crossEntropy()
      $0.optimizer = OptimizerSpecification(.sgd(momentum: 0.9, nesterov: true))
    },
    TrainingCase(.gru, steps: 1, .everyStep, head: [.linear(2, bias: false), .tanh]) {
      $0.loss = .huber(delta: 0.3)
      $0.optimizer = OptimizerSpecification(.rmsprop(momentum: 0.5))
      $0.learningRate = 0.001
      $0.network.bias = false
    },
    TrainingCase(.lstm, .finalState, head: [.tanh, .linear(1)]) {
      $0.loss = .bceWithLogits
      $0.optimizer = OptimizerSpecification(.rmsprop())
      $0.learningRate = 0.001
      $0.batch = 1
    },
    TrainingCase(.none, input: 9, steps: 2, head: [.linear(33), .sigmoid, .linear(20), .relu, .linear(2)]) {
      $0.loss = .mae
      $0.optimizer = OptimizerSpecification(.sgd())
      $0.batch = 70
    },
    TrainingCase(.lstm, .lastStep, head: []) { $0.network.bidirectional = true },
  ]

  @Test(arguments: cases)
  func twentyStepsEqualTheProcessors(_ c: TrainingCase) throws {
    let expected = try c.onProcessor(steps: 20)
    let result = try c.on(ShimExecutor(seed: 1), steps: 20)
    #expect(result.difference(from: expected) < 1e-5)
  }

  @Test(arguments: cases)
  func everyScheduleAndCapacityGivesTheSameBits(_ c: TrainingCase) throws {
    let natural = try c.on(ShimExecutor(), steps: 2)
    for seed in 1...2 {
      #expect(try c.on(ShimExecutor(seed: UInt64(seed)), steps: 2, capacity: c.batch + seed) == natural)
    }
  }

  @Test func everyKernelRuns() throws {
    let executor = ShimExecutor()
    for c in Self.cases { _ = try c.on(executor, steps: 1) }
    var all: Set<String> = []
    while let name = shim_kernel(Int32(all.count)) { all.insert(String(cString: name)) }
    // `gather` belongs to resident data sets.
    #expect(all.subtracting(executor.kernels) == ["gather"])
  }
}
