import CUDA
import Testing
import Training

/// Bugs planted into the kernels one at a time: each barrier left out, each index off by one, each shuffle that moves nothing.
@Suite struct PlantedBugTests {
  @Test func eachIsCaught() throws {
    var missed: [Int: String] = [:]
    var caught: Set<Int> = []
    for (c, engine) in runs {
      let clean = ShimExecutor()
      let expected = try c.on(clean, steps: 1, engine: engine)
      for (site, kind) in clean.sites where !caught.contains(site) {
        if try isCaught(site, c, engine, expected) {
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

  private var runs: [(DeviceCheck, Engine)] {
    DeviceCheck.all.flatMap { c in Engine.able(c.plan(on: ShimExecutor())).map { (c, $0) } }
  }

  /// Whether one of some schedules fails or gives other numbers.
  private func isCaught(_ site: Int, _ c: DeviceCheck, _ engine: Engine, _ expected: DeviceCheck.Result)
    throws -> Bool
  {
    for seed in 1...64 {
      let executor = ShimExecutor(seed: UInt64(seed))
      executor.planted = site
      guard let result = try? c.on(executor, steps: 1, engine: engine) else { return true }
      if result != expected { return true }
    }
    return false
  }
}
