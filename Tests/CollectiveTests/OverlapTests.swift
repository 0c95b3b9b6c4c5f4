import Collective
import TestSupport
import Testing

/// Sums beside backward: the same bits as after it, and all ranks choose the same.
@Suite(.tags(.mpi)) struct OverlapTests {
  private static let count = 1003

  /// Every step's sums, and what was chosen.
  private func steps(
    _ group: any Communicator, boundaries: [Int], seconds: (_ step: Int) -> Double
  ) throws -> (sums: [[Float]], choices: [GradientReduction.Choice], small: [Double]) {
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: Self.count)
    defer { values.deallocate() }
    let reduction = GradientReduction(group, values, boundaries: boundaries, least: 200)
    var (sums, choices, small) = ([[Float]](), [GradientReduction.Choice](), [Double]())
    for step in 0..<16 {
      for i in values.indices { values[i] = Float((i * 7919 + group.rank * 104_729) % 10_007) * 1.3e-3 }
      var other = [1.0, Double(group.rank)]
      reduction.begin()
      for boundary in boundaries { reduction.isFinal(from: boundary) }
      try other.withUnsafeMutableBufferPointer { try reduction.sum($0) }
      sums.append(Array(values))
      small += other
      if let choice = try reduction.stepEnded(seconds: seconds(step)) { choices.append(choice) }
    }
    return (sums, choices, small)
  }

  @Test(arguments: 2...5) func bucketsMakeNoDifferenceToTheBits(ranks: Int) throws {
    let results = try Threaded.withRanks(ranks) { group in
      try [[800, 500, 100], [], [1002, 1, 0], [1003, 400]].map {
        try steps(group, boundaries: $0) { _ in 1 }
      }
    }
    let expected = results[0][0].sums[0]
    for result in results.joined() {
      #expect(result.sums.allSatisfy { $0 == expected })
      #expect(result.small == (0..<16).flatMap { _ in [Double(ranks), Double(ranks * (ranks - 1) / 2)] })
    }
  }

  /// Odd steps overlap while both ways are tried.
  @Test(arguments: [(1.0, 2.0), (2.0, 1.0)]) func allRanksKeepWhatTookLess(one: Double, overlapped: Double)
    throws
  {
    let results = try Threaded.withRanks(3) { group in
      // A rank's own times say the opposite of the others'.
      try steps(group, boundaries: [800, 500, 100]) { step in
        group.rank == 2 ? (step % 2 == 0 ? 2.5 : 2.4) : step % 2 == 0 ? one : overlapped
      }.choices
    }
    for choices in results {
      #expect(choices.count == 1)
      #expect(choices[0].isOverlapped == (overlapped < one))
      #expect(choices[0].messages == (overlapped < one ? 4 : 1))
      #expect(choices == results[0])
    }
  }

  @Test func smallModelsAreOneMessageFromTheStart() throws {
    let results = try Threaded.withRanks(2) { group in
      try steps(group, boundaries: []) { _ in 1 }.choices
    }
    for choices in results {
      #expect(choices.count == 1 && choices[0].messages == 1 && choices[0].milliseconds == nil)
    }
  }
}
