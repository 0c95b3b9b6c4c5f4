import Foundation
import Simulation
import TestSupport
import Testing

/// Trainers, coordinator, checkpoints and watchdogs in simulated jobs, through random faults.
@Suite(.tags(.long), .serialized) struct SimulationTests {
  private static let asked = ProcessInfo.processInfo.environment["RECUR_SCHEDULES"].flatMap { Int($0) }

  /// In processes side by side, one for each processor: the same 4,000, or as many others as RECUR_SCHEDULES says.
  @Test func everyScheduleHolds() async throws {
    let count = Self.asked ?? 4000
    let parts = max(1, min(ProcessInfo.processInfo.activeProcessorCount, 16))
    let first = Self.asked == nil ? 1 : Int.random(in: 1...1 << 40)
    let share = (count + parts - 1) / parts
    try await withThrowingTaskGroup(of: Void.self) { group in
      for part in 0..<parts {
        group.addTask {
          let seed = first + part * share
          let outcome = try run(
            built("recur-simulate"), ["--seed", "\(seed)", "--count", "\(share)"], limit: .infinity)
          #expect(outcome.status == 0, "\(outcome.output.suffix(3000)) \(outcome.errors.suffix(1000))")
          #expect(outcome.output.contains("\(share) schedules, ") && outcome.output.contains("no faults"))
        }
      }
      try await group.waitForAll()
    }
  }

  /// Schedules in which something was wrong once: a machine cut off while the only rank of the other one is stopped or
  /// hangs; a coordinator that waits for a worker that waits for one that is stopped; ranks that wait for one that hangs to make a part of their
  /// group with them; two that ask each other at the same moment.
  @Test(arguments: [
    6_583_118_051, 6_583_118_166, 6_583_121_069, 6_583_124_161, 6_583_126_934, 6_583_127_827,
    9_000_351, 604_344_044_000, 604_344_044_063, 604_344_046_328, 604_344_044_817,
  ]) func aScheduleThatWasWrongHolds(seed: Int) throws {
    let outcome = try run(built("recur-simulate"), ["--seed", "\(seed)", "--count", "1"])
    #expect(outcome.status == 0, "\(outcome.output)")
  }

  /// What was found can be run again: order, times and results follow from the seed.
  @Test func oneSeedIsOneSchedule() throws {
    let arguments = ["--seed", "77", "--count", "40"]
    let outcomes = try (0..<2).map { _ in try run(built("recur-simulate"), arguments) }
    #expect(outcomes[0].status == 0 && outcomes[0].output == outcomes[1].output, "\(outcomes)")
    let others = try run(built("recur-simulate"), ["--seed", "78", "--count", "40"])
    #expect(outcomes[0].output != others.output)
  }

  /// The simulator itself: a fault of the program, made on purpose, is found by the check that is there for it.
  @Test(arguments: Plant.allCases) func aPlantedFaultIsFound(plant: Plant) throws {
    let outcome = try run(
      built("recur-simulate"), ["--seed", "1", "--count", "400", "--plant", plant.rawValue], limit: 300)
    #expect(outcome.status == 1)
    #expect(outcome.output.contains(": \(plant.check.rawValue): "), "\(outcome.output.suffix(2000))")
  }
}
