import ArgumentParser
import Foundation
import Simulation

/// Runs trainers, their watchdogs and their checkpoints through faults under a clock and an order that a seed decides.
@main struct RecurSimulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recur-simulate",
    abstract: "Trains through random faults in simulated jobs, and tells what does not hold.",
    discussion: """
      Each schedule follows from its seed: ranks, hosts, order, messages, and what happens to them: a rank that is killed, stopped or \
      hangs, a link that is cut, datagrams that are dropped, late messages, a slow or full disk, requests to stop; then a restart with other \
      ranks, to the end of the run. Real are the trainer, the coordinator, checkpoints and the watchdogs' decisions.
      """)

  @Option(help: "The first schedule.") var seed: UInt64 = 1
  @Option(help: "How many, one after the other.") var count = 1000
  @Option(help: "Make this fault of the program on purpose, to see it found.") var plant: Plant?
  @Flag(help: "Tell what happens in each.") var verbose = false

  func validate() throws {
    guard count > 0 else { throw ValidationError("--count starts at 1") }
  }

  func run() throws {
    let simulator = try Simulator()
    var faulty = 0
    var trace: UInt64 = 0
    for seed in seed..<seed + UInt64(count) {
      // What traps or hangs ends here, after the seed.
      alarm(120)
      let schedule = Schedule(simulator, seed: seed, plant: plant)
      try schedule.run()
      trace = trace &* 31 &+ schedule.trace
      if verbose { print("\(seed): \(schedule.story.joined(separator: "\n  "))") }
      guard let violation = schedule.violations.first else { continue }
      faulty += 1
      print("FAULT in schedule \(seed): \(violation.check): \(violation.detail)")
      print("  \(schedule.story.joined(separator: "\n  "))")
      print("  again with: recur-simulate --seed \(seed) --count 1 --verbose")
      if plant != nil { break }
    }
    alarm(0)
    print(
      "\(count) schedules, trace \(String(trace, radix: 16)): \(faulty == 0 ? "no faults" : "\(faulty) with faults")"
    )
    if faulty > 0 { throw ExitCode.failure }
  }
}

extension Plant: ExpressibleByArgument {}
