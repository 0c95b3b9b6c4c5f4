import CUDA
import CUDAShim
import Devices
import Recurrent
import TestSupport
import Testing
import Training

/// The walk by clusters of blocks: whole programs with its kernels, executed on the processor, against the processor's own engine.
@Suite(.tags(.long)) struct ClusterTests {
  /// An executor with clusters of just this size.
  private func executor(
    seed: UInt64 = 0, _ precision: DevicePrecision = .fp32, blocks: Int = 2, count: Int = 8
  ) -> ShimExecutor {
    let executor = ShimExecutor(seed: seed, precision: precision)
    executor.traits.clusters = [DeviceTraits.Clusters(blocks: blocks, count: count)]
    return executor
  }

  private func blocks(_ c: DeviceCheck) -> Int { c.network.hiddenSize == 64 ? 4 : 2 }

  @Test(arguments: DeviceCheck.middle)
  func twentyStepsEqualTheProcessors(_ c: DeviceCheck) throws {
    let executor = executor(seed: 1, blocks: blocks(c))
    let difference = try c.on(executor, steps: 20, engine: .cluster)
      .difference(from: try c.onProcessor(steps: 20))
    #expect(difference < 1e-5)
    #expect(executor.kernels.contains { $0.hasPrefix("cluster_backward") })
  }

  @Test(arguments: DeviceCheck.middle)
  func everyScheduleAndCapacityGivesTheSameBits(_ c: DeviceCheck) throws {
    let natural = try c.on(executor(blocks: blocks(c)), steps: 2, engine: .cluster)
    for seed in 1...3 {
      let executor = executor(seed: UInt64(seed), blocks: blocks(c))
      #expect(try c.on(executor, steps: 2, capacity: c.batch + seed, engine: .cluster) == natural)
    }
  }

  private static let cells = [Network.Cell.lstm, .gru, .rnn]

  private func plain(_ cell: Network.Cell) -> [DeviceCheck] {
    DeviceCheck.middlePlain.filter { $0.network.cell == cell }
  }

  /// Plain steps, since Adam's would make much of little differences.
  @Test(arguments: cells, [(DevicePrecision.fp32, 1e-5), (.tf32, 1e-3), (.bf16, 2e-2)])
  func everyPrecisionStaysNear(_ cell: Network.Cell, _ bound: (DevicePrecision, Double)) throws {
    let (precision, tolerance) = bound
    for c in plain(cell) {
      let executor = executor(seed: 2, precision, blocks: blocks(c))
      let difference = try c.on(executor, steps: 2, engine: .cluster)
        .difference(from: try c.onProcessor(steps: 2))
      #expect(difference < tolerance, "\(c)")
      #expect(precision == .fp32 || difference > 1e-3 * tolerance, "nothing was rounded")
    }
  }

  /// Rows enough for two tiles, where but one cluster runs at once.
  private func crowded(_ cell: Network.Cell) -> (DeviceCheck, ShimExecutor) {
    var c = plain(cell)[0]
    c.network.bidirectional = false
    return (c, executor(seed: 3, count: 1))
  }

  @Test(arguments: cells)
  func aClusterTakesTwoTiles(_ cell: Network.Cell) throws {
    let (c, executor) = crowded(cell)
    #expect(ClusterShape(for: c.plan(on: executor))?.tiles == 2)
    let result = try c.on(executor, steps: 2, engine: .cluster)
    #expect(result.difference(from: try c.onProcessor(steps: 2)) < 1e-5)
  }

  /// The tests above execute all shapes that the kernels are compiled in for the processor.
  @Test func everyShapeIsExecuted() {
    var compiled: Set<String> = []
    var index: Int32 = 0
    while let name = shim_kernel(index).map({ String(cString: $0) }) {
      index += 1
      if let bracket = name.firstIndex(of: "[") { compiled.insert(String(name[bracket...])) }
    }
    var used: [StepPlan] = []
    for cell in Self.cells {
      for c in plain(cell) {
        used += DevicePrecision.allCases.map { c.plan(on: executor($0, blocks: blocks(c))) }
      }
      let (c, crowdedExecutor) = crowded(cell)
      used.append(c.plan(on: crowdedExecutor))
    }
    #expect(compiled == Set(used.compactMap { ClusterShape(for: $0).map { "[\($0.definition)]" } }))
  }

  // MARK: Shapes

  /// A GPU like the H200: as many clusters as its multiprocessors allow.
  static let large: DeviceTraits = {
    var device = DeviceTraits()
    device.capability = 90
    device.multiprocessors = 132
    device.sharedMemory = 227 << 10
    device.clusters = [(1, 132), (2, 66), (4, 32), (8, 16), (16, 8)]
      .map { DeviceTraits.Clusters(blocks: $0.0, count: $0.1) }
    return device
  }()

  static func plan(
    _ cell: Network.Cell, _ hidden: Int, _ precision: DevicePrecision, on device: DeviceTraits = large
  ) -> StepPlan {
    StepPlan(
      Network(cell, inputs: 64, hidden: hidden, steps: 100, head: [.linear(10)]),
      loss: .mse, rule: .adam, steps: 100, capacity: 64, precision: precision, device: device)
  }

  @Test(arguments: cells, DevicePrecision.allCases)
  func middleSizesHaveAShape(_ cell: Network.Cell, _ precision: DevicePrecision) throws {
    for hidden in stride(from: 48, through: 512, by: 16) {
      let shape = try #require(ClusterShape(for: Self.plan(cell, hidden, precision)), "\(hidden)")
      let most = max(shape.spread.forward_shared, shape.spread.backward_shared)
      #expect(most <= 227 << 10 && shape.blocks * Int(shape.spread.units) >= hidden)
    }
    #expect(!Engine.cluster.can(Self.plan(cell, 1024, precision)))
    #expect(!Engine.cluster.can(Self.plan(cell, 256, precision, on: DeviceTraits())))
  }

  // MARK: Planted bugs

  /// Each barrier and peer left out, one buffer in place of two, a fragment's wrong column.
  @Test func eachPlantedBugIsCaught() throws {
    var missed: [Int: String] = [:]
    var kinds: [String: Int] = [:]
    for precision in [DevicePrecision.fp32, .tf32, .bf16] {
      var c = plain(.gru)[0]
      c.batch = 5
      let clean = executor(seed: 0, precision)
      let expected = try c.on(clean, steps: 1, engine: .cluster)
      for (site, kind) in clean.sites where site >= SHIM_CLUSTER_SITES {
        if try isCaught(site, c, precision, expected) {
          kinds[kind, default: 0] += 1
        } else {
          missed[site] = "\(kind), \(precision)"
        }
      }
    }
    #expect(missed.isEmpty)
    #expect(Set(kinds.keys) == ["barrier", "cluster arrive", "cluster wait", "peer", "turn", "fragment"])
  }

  private func isCaught(
    _ site: Int, _ c: DeviceCheck, _ precision: DevicePrecision, _ expected: DeviceCheck.RunResult
  )
    throws -> Bool
  {
    for seed in 1...32 {
      let executor = executor(seed: UInt64(seed), precision)
      executor.planted = site
      guard let result = try? c.on(executor, steps: 1, engine: .cluster) else { return true }
      if result != expected { return true }
    }
    return false
  }
}
