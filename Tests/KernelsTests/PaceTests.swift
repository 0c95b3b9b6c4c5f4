import CKernels
import Kernels
import TestSupport
import Testing

/// How a team decides how many of its threads go on, with a clock of its own.
@Suite(.tags(.fast)) struct PaceTests {
  /// A machine on which two threads share the work of `share` nanoseconds each, and one loses its core for `slice` in each `every`.
  private struct Machine {
    var pace = rk_pace_start(2)
    var now: Int64 = 1
    var share: Int64 = 20_000

    /// Does so many pieces of work; returns the time they took.
    mutating func run(_ pieces: Int, every: Int64?, slice: Int64 = 3_000_000) -> Int64 {
      let start = now
      var next = every.map { now + $0 } ?? .max
      for _ in 0..<pieces {
        if rk_pace_active(&pace, now) == 1 {
          now += 2 * share
          continue
        }
        let waits = now >= next
        if waits { rk_pace_note(&pace, 1, share, slice) }
        now += share + (waits ? slice : 0)
        if waits, let every { next = now + every }
      }
      return now - start
    }
  }

  @Test func aQuietMachineKeepsAllThreads() {
    var machine = Machine()
    #expect(machine.run(100_000, every: nil) == 100_000 * 20_000)
    #expect(machine.pace.active == 2)
  }

  /// A slice that is lost now and then is no reason to go on alone: it costs less than half of the cores would.
  @Test func rareLossesChangeNothing() {
    var machine = Machine()
    _ = machine.run(100_000, every: 100_000_000)
    #expect(machine.pace.active == 2)
  }

  @Test func aTeamThatLosesItsCoresIsHardlySlowerThanOneThread() {
    var machine = Machine()
    let pieces = 200_000
    let time = machine.run(pieces, every: 100_000)
    let alone = Int64(pieces) * 2 * machine.share
    #expect(time < alone * 11 / 10, "\(Double(time) / Double(alone)) times one thread's")
  }

  @Test func whoGetsItsCoresBackUsesThemWithinASecond() {
    var machine = Machine()
    _ = machine.run(200_000, every: 100_000)
    #expect(machine.pace.active == 1)
    _ = machine.run(30_000, every: nil)
    #expect(machine.pace.active == 2)
  }

  /// Waiting for others that have as much to do is not lost time.
  @Test func unequalSharesAreNoLoss() {
    var pace = rk_pace_start(4)
    var now: Int64 = 1
    for _ in 0..<1000 {
      #expect(rk_pace_active(&pace, now) == 4)
      rk_pace_note(&pace, 1, 1_000_000, 900_000)
      now += 1_900_000
    }
  }

  /// Each share of each piece of work is done once, whoever does it, while more threads than cores want to run.
  @Test func everyShareIsDoneOnceOnACrowdedMachine() throws {
    let team = try Team(threads: 5)
    let rivals = try (0..<4).map { _ in try Team(threads: 3) }
    var counts = [Int](repeating: 0, count: 5 * 64)
    let pieces = 3000
    for piece in 0..<pieces {
      counts.withUnsafeMutableBufferPointer { counts in
        let counts = UncheckedPointer(counts.baseAddress!)
        team.run(.recurrence, operations: 1_000_000) { share in
          for _ in 0..<piece % 7 { counts.base[share.index * 64 + 1] &+= 1 }
          counts.base[share.index * 64] += 1
        }
      }
      if piece % 16 == 0 { rivals[piece / 16 % 4].run(.recurrence, operations: 1_000_000) { _ in } }
    }
    for index in 0..<5 { #expect(counts[index * 64] == pieces) }
  }

  private struct UncheckedPointer: @unchecked Sendable {
    let base: UnsafeMutablePointer<Int>
    init(_ base: UnsafeMutablePointer<Int>) { self.base = base }
  }
}
