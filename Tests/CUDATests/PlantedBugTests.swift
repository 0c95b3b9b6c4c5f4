import CUDA
import Testing

/// Bugs planted into the kernels one at a time: each barrier left out, each index off by one, each shuffle that moves nothing.
@Suite struct PlantedBugTests {
  @Test func eachIsCaught() throws {
    var missed: [Int: String] = [:]
    var caught: Set<Int> = []
    for c in ProgramTests.cases {
      let clean = ShimExecutor()
      let expected = try c.on(clean, steps: 1)
      for (site, kind) in clean.sites where !caught.contains(site) {
        if try isCaught(site, c, expected) {
          caught.insert(site)
          missed[site] = nil
        } else {
          missed[site] = kind
        }
      }
    }
    #expect(missed.isEmpty)
    #expect(caught.count >= 25)
  }

  /// Whether some of a few schedules fails or gives other numbers.
  private func isCaught(_ site: Int, _ c: TrainingCase, _ expected: TrainingCase.Result) throws -> Bool {
    for seed in 1...4 {
      let executor = ShimExecutor(seed: UInt64(seed))
      executor.planted = site
      guard let result = try? c.on(executor, steps: 1) else { return true }
      if !(result.difference(from: expected) < 1e-7) { return true }
    }
    return false
  }
}
