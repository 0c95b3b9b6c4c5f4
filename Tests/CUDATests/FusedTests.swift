import CCUDA
import CUDA
import Devices
import Recurrent
import TestSupport
import Testing
import Training

/// Whole steps in one kernel: tiles, blocks that wait for one another, several steps in one launch.
@Suite(.tags(.long)) struct FusedTests {
  static let several = DeviceCheck(
    .gru, hidden: 6, .finalState, head: [.linear(4), .tanh, .linear(3)]
  ) {
    $0.network.layers = 2
    $0.network.bidirectional = true
    $0.network.dropout = 0.2
    $0.loss = .crossEntropy(ignoreIndex: 1)
    $0.batch = 23
    $0.limits.norm = 0.1
    $0.learningRate = 0.003
  }

  /// - memory: bytes of shared memory, so few that a block has to take several tiles.
  private func executor(_ multiprocessors: Int, memory: Int = 227 << 10, seed: UInt64 = 7) -> ShimExecutor {
    let executor = ShimExecutor(seed: seed)
    executor.traits.multiprocessors = multiprocessors
    executor.traits.sharedMemory = memory
    return executor
  }

  @Test(arguments: [(1, 227 << 10), (3, 227 << 10), (2, 24 << 10), (1, 16 << 10), (23, 227 << 10)])
  func anyTilesAndBlocksEqualTheProcessor(_ multiprocessors: Int, memory: Int) throws {
    let c = Self.several
    let result = try c.on(executor(multiprocessors, memory: memory), steps: 6, engine: .fused)
    #expect(result.difference(from: try c.onProcessor(steps: 6)) < 1e-5)
    let other = executor(multiprocessors, memory: memory, seed: 8)
    #expect(try c.on(other, steps: 6, capacity: 40, engine: .fused) == result)
  }

  @Test func aStepIsOneLaunch() throws {
    let executor = executor(2)
    _ = try Self.several.on(executor, steps: 5, engine: .fused)
    // And the evaluation.
    #expect(executor.launches == 6)
    #expect(executor.kernels == ["gru_fused"])
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let wide = DeviceCheck(.lstm, hidden: 120) { $0.network.layers = 2 }
    #expect(!Engine.fused.can(wide.plan(on: executor(2))))
    #expect(Engine.fused.can(Self.several.plan(on: executor(2))))
    #expect(!Engine.fused.can(Self.several.plan(on: executor(2, memory: 4 << 10))))
    var many = Self.several
    many.network.head = [Network.HeadLayer](repeating: .tanh, count: 9)
    #expect(!Engine.fused.can(many.plan(on: executor(2))))
  }

  // MARK: Several steps at once

  /// A network on three batches of a small resident data set.
  private struct Resident {
    let device: DeviceModel
    let model: Model
    let optimizer: Optimizer
    let samples: [Int32] = [4, 1, 7, 0, 2, 5, 6, 3, 8, 3, 2, 1]

    init(_ executor: ShimExecutor, engine: Engine) throws {
      var network = Network(
        .lstm, inputs: 2, hidden: 5, steps: 3, head: [.linear(1)])
      network.layers = 2
      network.dropout = 0.3
      model = try Model(network, seed: 4)
      device = try DeviceModel(
        network, loss: .mse, rule: .adam, steps: 3, capacity: 4, resident: 9, engine: engine,
        executor: executor)
      optimizer = Optimizer(OptimizerSpecification(.adam()), count: model.layout.count)
      try device.load(
        parameters: UnsafeBufferPointer(model.parameters),
        states: optimizer.buffers.map { UnsafeBufferPointer($0.values) })
      for sample in 0..<9 {
        let inputs = (0..<6).map { Float((sample * 7 + $0 * 3) % 11) / 11 }
        try device.setSample(sample, inputs: inputs, values: [Float(sample) / 9], classes: [0])
      }
    }

    /// Of three steps.
    func controls() -> [step_control] {
      (0..<3).map {
        optimizer.control(
          seed: 3, step: $0, learningRate: 0.01 * Double($0 + 1), GradientLimits(norm: 0.5), later: $0)
      }
    }

    func parameters() throws -> [Float] {
      try device.store(parameters: model.parameters, states: optimizer.buffers.map(\.values))
      return Array(model.parameters)
    }
  }

  @Test func severalStepsOfALaunchHaveTheBitsOfSingleOnes() throws {
    let (one, all) = (ShimExecutor(seed: 1), ShimExecutor(seed: 2))
    let (single, several) = (try Resident(one, engine: .fused), try Resident(all, engine: .fused))
    #expect(several.device.stepsAtOnce >= 3)
    let controls = single.controls()
    var expected: [Double] = []
    for (step, control) in controls.enumerated() {
      expected.append(
        try single.samples.withUnsafeBufferPointer {
          try single.device.step(.resident(.init(rebasing: $0[4 * step..<4 * step + 4])), control).loss
        })
    }
    let outcomes = try several.samples.withUnsafeBufferPointer { try several.device.steps($0, controls) }
    #expect(outcomes.map(\.loss) == expected)
    #expect(outcomes.allSatisfy { $0.result == 0 && $0.weight == 4 })
    #expect(try several.parameters() == single.parameters())
    #expect(one.launches == 3 && all.launches == 1)
  }

  /// The steps after one that was not taken would have other controls: they are left to another launch.
  @Test func aStepThatIsNotTakenEndsALaunch() throws {
    let run = try Resident(ShimExecutor(seed: 1), engine: .fused)
    try run.device.setSample(5, inputs: [.nan, 0, 0, 0, 0, 0], values: [0], classes: [0])
    let outcomes = try run.samples.withUnsafeBufferPointer { try run.device.steps($0, run.controls()) }
    #expect(outcomes.map(\.result) == [0, 1])
    let alone = try Resident(ShimExecutor(seed: 1), engine: .fused)
    _ = try alone.samples.withUnsafeBufferPointer {
      try alone.device.steps(UnsafeBufferPointer(rebasing: $0[..<4]), [alone.controls()[0]])
    }
    #expect(try run.parameters() == alone.parameters())
  }

  /// What stands between two steps of a launch, of one block and of two.
  @Test(arguments: [(227 << 10, 1), (4 << 10, 2)])
  func aMissingBarrierBetweenStepsIsCaught(memory: Int, blocks: Int) throws {
    func run(_ executor: ShimExecutor, steps: Int) throws -> [Float] {
      let run = try Resident(executor, engine: .fused)
      guard case .launch(let launch)? = run.device.program(batch: 4).residentStep.last else { return [] }
      #expect(launch.grid.x == blocks)
      _ = try run.samples.withUnsafeBufferPointer {
        try run.device.steps(
          UnsafeBufferPointer(rebasing: $0[..<(4 * steps)]), Array(run.controls()[..<steps]))
      }
      return try run.parameters()
    }
    let (single, several) = (executor(2, memory: memory, seed: 0), executor(2, memory: memory, seed: 0))
    _ = try run(single, steps: 1)
    let expected = try run(several, steps: 3)
    let between = Set(several.sites.keys).subtracting(single.sites.keys)
    #expect(between.count == 1)
    for site in between {
      let isCaught = (1...64).contains { seed in
        let executor = executor(2, memory: memory, seed: UInt64(seed))
        executor.planted = site
        return (try? run(executor, steps: 3)) != expected
      }
      #expect(isCaught)
    }
  }
}
