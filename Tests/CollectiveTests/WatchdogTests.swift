import Collective
import Diagnostics
import Synchronization
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct WatchdogTests {
  private static func options(_ lines: Lines, stallTimeout: Duration) -> Watchdog.Options {
    var options = Watchdog.Options()
    // Threads of a busy machine may stand still for some of that.
    options.nameAfter = .seconds(1)
    options.stallTimeout = stallTimeout
    options.beat = .milliseconds(50)
    options.log = { lines.add($0) }
    return options
  }

  @Test func namesTheLateRankOnceForTheJob() throws {
    let lines = Lines()
    _ = try Threaded.withRanks(3) { group in
      let watchdog = try Watchdog(group, Self.options(lines, stallTimeout: .seconds(60)))
      watchdog.progress.enter(.backward, step: 7)
      if group.rank == 2 { pause(.seconds(3)) }
      try group.barrier()
      watchdog.stop()
    }
    let said = lines.all.filter { $0.contains("has waited") }
    #expect(said.count == 1, "\(lines.all)")
    #expect(
      said.allSatisfy {
        $0.contains("in barrier at step 7 for rank 2 on") && $0.hasSuffix("(alive, at step 7 in backward)")
      }, "\(said)")
    #expect(said.allSatisfy { $0.contains("rank 0 of 3 on ") && $0.contains(": the job has waited") })
    #expect(!said.contains { $0.contains("rank 1 on") || $0.contains("rank 0 on") })
  }

  @Test func stoppingDoesNotWaitForTheNextBeat() throws {
    let times = try Threaded.withRanks(2) { group in
      var options = Watchdog.Options()
      options.beat = .seconds(600)
      let watchdog = try Watchdog(group, options)
      pause(.milliseconds(100))
      return ContinuousClock().measure { watchdog.stop() }
    }
    #expect(times.max()! < .seconds(60))
  }

  @Test func endsTheJobWhenTheRankDoesNotReturn() throws {
    let (lines, ends) = (Lines(), Lines())
    _ = try Threaded.withRanks(2) { group in
      var options = Self.options(lines, stallTimeout: .seconds(2))
      options.end = { ends.add($0) }
      let watchdog = try Watchdog(group, options)
      // As long as the others need to give it up.
      for _ in 0..<600 where group.rank == 0 && ends.all.count < 2 { pause(.milliseconds(100)) }
      try group.barrier()
      watchdog.stop()
    }
    #expect(ends.all.count == 2, "\(ends.all)")
    #expect(ends.all.count { $0.contains("rank 0 on") && $0.contains("exit code 75") } == 1, "\(ends.all)")
    #expect(lines.all.count { $0.contains("gives up after") } == 1)
  }

  @Test func aSlowRankThatMakesProgressIsWaitedFor() throws {
    let (lines, ends) = (Lines(), Lines())
    _ = try Threaded.withRanks(2) { group in
      var options = Self.options(lines, stallTimeout: .seconds(3))
      options.end = { ends.add($0) }
      let watchdog = try Watchdog(group, options)
      if group.rank == 1 {
        for step in 0..<60 {
          watchdog.progress.enter(.evaluation, step: step)
          pause(.milliseconds(100))
        }
      }
      try group.barrier()
      watchdog.stop()
    }
    #expect(ends.all.isEmpty)
    #expect(lines.all.contains { $0.contains("has waited") } && lines.all.contains { $0.contains("goes on") })
  }
}

final class Lines: Sendable {
  private let lines = Mutex<[String]>([])
  func add(_ line: String) { lines.withLock { $0.append(line) } }
  var all: [String] { lines.withLock { $0 } }
}
