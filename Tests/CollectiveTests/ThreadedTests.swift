import Collective
import CollectiveCases
import Diagnostics
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct ThreadedTests {
  @Test(arguments: 1...5) func sumsAndGathers(ranks: Int) throws {
    let results = try Threaded.withRanks(ranks) { group in try CommonChecks.run(group) }
    #expect(results == Array(repeating: [], count: ranks))
  }

  @Test func soloPassesTheSameChecks() throws { #expect(try CommonChecks.run(Solo()) == []) }

  /// Threads have no MPI: each engine is their own sum.
  @Test func enginesOfAGroupWithoutMPI() throws {
    #expect(try Threaded.withRanks(3) { try EngineChecks.run($0) } == [[], [], []])
  }

  @Test func firstFailureIsRethrownAndNobodyHangs() {
    #expect(throws: Failure.badData("rank 1 fails")) {
      try Threaded.withRanks(4) { group in
        try group.barrier()
        if group.rank == 1 { throw Failure.badData("rank 1 fails") }
        while true { try group.barrier() }
      }
    }
  }

  @Test func gatherIsOnlyOnTheRoot() throws {
    let results = try Threaded.withRanks(3) { group in
      try group.gather(Array(repeating: UInt8(group.rank), count: group.rank), to: 1)
    }
    #expect(results == [nil, [[], [1], [2, 2]], nil])
  }

  @Test(arguments: [1, 2, 3, 7], [0, 1, 5, 100]) func shardedSumIsTheWholeSum(ranks: Int, count: Int) throws {
    let results = try Threaded.withRanks(ranks) { group in
      let sum = SlicedSum(group, count: count)
      var values = (0..<count).map { Float($0 * (group.rank + 1)) }
      try values.withUnsafeMutableBufferPointer {
        try sum.reduceScatter($0)
        for i in $0.indices where !sum.slice.contains(i) { $0[i] = .nan }
        try sum.allGather($0)
      }
      return values
    }
    let factor = ranks * (ranks + 1) / 2
    for result in results { #expect(result == (0..<count).map { Float($0 * factor) }) }
  }

  @Test func equalPartsCoverEverything() {
    for count in [0, 1, 7, 8, 1000] {
      for size in 1...9 {
        let parts = equalParts(of: count, among: size)
        #expect(parts.flatMap { Array($0) } == Array(0..<count))
        #expect(parts.map(\.count).max()! - parts.map(\.count).min()! <= 1)
      }
    }
  }
}
