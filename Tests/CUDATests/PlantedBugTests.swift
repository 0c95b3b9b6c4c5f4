import CUDA
import Devices
import TestSupport
import Testing
import Training

/// Bugs planted into the kernels one at a time: each barrier left out, each index off by one, each shuffle that moves nothing.
@Suite(.tags(.long)) struct PlantedBugTests {
  @Test func eachIsCaught() throws {
    var missed: [Int: String] = [:]
    var caught: Set<Int> = []
    for (c, engine, memory) in runs {
      let clean = executor(memory, seed: 0)
      let expected = try c.on(clean, steps: 1, engine: engine)
      for (site, kind) in clean.sites where !caught.contains(site) {
        if try isCaught(site, c, engine, memory, expected) {
          caught.insert(site)
          missed[site] = nil
        } else {
          missed[site] = kind
        }
      }
    }
    #expect(missed.isEmpty)
    #expect(caught.count >= 27)
  }

  /// With shared memory's bytes; with little of it, a block of the fused engine takes several tiles.
  private var runs: [(DeviceCheck, Engine, Int)] {
    let all = DeviceCheck.all.flatMap { c in
      Engine.able(c.plan(on: ShimExecutor())).map { (c, $0, 227 << 10) }
    }
    return all + [(FusedTests.several, .fused, 24 << 10)]
  }

  private func executor(_ memory: Int, seed: Int) -> ShimExecutor {
    let executor = ShimExecutor(seed: UInt64(seed))
    executor.traits.sharedMemory = memory
    return executor
  }

  /// Whether one of some schedules fails or gives other numbers.
  private func isCaught(
    _ site: Int, _ c: DeviceCheck, _ engine: Engine, _ memory: Int, _ expected: DeviceCheck.RunResult
  ) throws -> Bool {
    for seed in 1...64 {
      let executor = executor(memory, seed: seed)
      executor.planted = site
      guard let result = try? c.on(executor, steps: 1, engine: engine) else { return true }
      if result != expected { return true }
    }
    return false
  }
}
