import CUDA
import CUDAShim
import Devices
import TestSupport
import Testing
import Training

/// Whole training runs by the program, its kernels executed on the processor, against the processor's own engine.
@Suite(.tags(.long)) struct ProgramTests {
  @Test(arguments: DeviceCheck.all, Engine.allCases)
  func twentyStepsEqualTheProcessors(_ c: DeviceCheck, _ engine: Engine) throws {
    let executor = ShimExecutor(seed: 1)
    guard engine.can(c.plan(on: executor)) else { return }
    let expected = try c.onProcessor(steps: 20)
    let result = try c.on(executor, steps: 20, engine: engine)
    #expect(result.difference(from: expected) < 1e-5)
    #expect(result.right == expected.right)
  }

  @Test(arguments: DeviceCheck.all, Engine.allCases)
  func everyScheduleAndCapacityGivesTheSameBits(_ c: DeviceCheck, _ engine: Engine) throws {
    let executor = ShimExecutor()
    guard engine.can(c.plan(on: executor)) else { return }
    let natural = try c.on(executor, steps: 2, engine: engine)
    for seed in 1...2 {
      #expect(
        try c.on(ShimExecutor(seed: UInt64(seed)), steps: 2, capacity: c.batch + seed, engine: engine)
          == natural)
    }
  }

  /// With factors rounded as tensor cores round them; plain steps, since Adam's would make much of little differences.
  @Test(arguments: [(DevicePrecision.tf32, 1e-3), (.bf16, 2e-2)])
  func roundedFactorsStayNear(_ precision: DevicePrecision, tolerance: Double) throws {
    for c in DeviceCheck.plain {
      let expected = try c.onProcessor(steps: 2)
      let difference = try c.on(ShimExecutor(precision: precision), steps: 2).difference(from: expected)
      #expect(difference < tolerance, "\(c)")
      #expect(difference > 1e-3 * tolerance, "nothing was rounded")
    }
  }

  /// A GPU's NaN has all its bits set, and rounding must not carry out of them: a step that went wrong has to be noticed.
  @Test(arguments: DevicePrecision.allCases) func whatIsNotANumberStaysSo(_ precision: DevicePrecision) {
    for bits: UInt32 in [0x7fff_ffff, 0xffff_ffff, 0x7f80_0000] {
      var a = Float(bitPattern: bits)
      var b: Float = 1
      var c: Float = 0
      withUnsafeMutablePointer(to: &a) { a in
        withUnsafeMutablePointer(to: &b) { b in
          withUnsafeMutablePointer(to: &c) { c in
            let places = [a, b, c].map { UInt64(UInt(bitPattern: $0)) }
            // Numbers of four bytes are the lower half of a word.
            var words: [UInt64] = [places[0], 1, 1, places[1], 1, 1, places[2], 1, 1, 1, 1, 0]
            words.append(UInt64(precision.rawValue))
            let sizes = [Int](repeating: 8, count: 8) + [Int](repeating: 4, count: 5)
            var shape = shim_launch_shape(
              grid_x: 1, grid_y: 1, threads: 256, shared: 2 * 16 * 68 * 4, seed: 0, together: 1, planted: -1)
            let problem = words.withUnsafeMutableBytes { bytes in
              var arguments = (0..<13).map { Optional(bytes.baseAddress! + 8 * $0) }
              return shim_launch("product", &shape, &arguments, sizes, 13)
            }
            #expect(problem == nil)
          }
        }
      }
      #expect(!c.isFinite)
    }
  }

  /// The shim mixes lists that run side by side: a program that claims too much gives other numbers.
  @Test func aWrongClaimOfIndependenceIsNoticed() throws {
    let c = DeviceCheck.all[0]
    let expected = try c.on(ShimExecutor(), steps: 1)
    let noticed = (1...4).contains { seed in
      let executor = ShimExecutor(seed: UInt64(seed))
      executor.mixesAll = true
      return (try? c.on(executor, steps: 1)) != expected
    }
    #expect(noticed)
  }

  @Test func everyKernelRuns() throws {
    let executor = ShimExecutor()
    for c in DeviceCheck.all {
      for engine in Engine.able(c.plan(on: executor)) {
        _ = try c.on(executor, steps: 1, engine: engine)
      }
    }
    var all: Set<String> = []
    while let name = shim_kernel(Int32(all.count)) { all.insert(String(cString: name)) }
    // Those compiled for a shape belong to ClusterTests.
    all = all.filter { !$0.contains("[") }
    // `gather` belongs to resident data sets, see DeviceTrainingTests.
    #expect(all.subtracting(executor.kernels) == ["gather"])
  }
}
