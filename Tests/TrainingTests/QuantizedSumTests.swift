import Collective
import Foundation
import TestSupport
import Testing
import Training

@Suite("Sums of rounded numbers", .tags(.fast)) struct QuantizedSumTests {
  private struct File: Decodable {
    struct Case: Decodable, Sendable {
      let bits: Int
      let sums: Reference.Floats
    }
    let sums: [Case]
  }

  /// Sums of so many values on each rank, the last of `count`.
  /// - values: of a rank, at a sum's number.
  private func run(
    _ bits: Int, ranks: Int, count: Int, sums: Int, commits: Bool = true,
    values: @escaping @Sendable (_ rank: Int, _ sum: Int) -> [Float]
  ) throws -> [[[Float]]] {
    try Threaded.withRanks(ranks) { group in
      let sum = QuantizedSum(group, count: count, bits: bits)
      return try (0..<sums).map { index in
        var own = values(group.rank, index)
        try own.withUnsafeMutableBufferPointer { try sum.sum($0) }
        if commits { sum.commit() }
        return own
      }
    }
  }

  @Test func `are NumPy's, bit for bit`() throws {
    let cases = try Reference.load("large.json", as: File.self).sums
    #expect(cases.map(\.bits) == [8, 4])
    for test in cases {
      let found = try run(test.bits, ranks: 2, count: 2101, sums: 3) { rank, sum in
        Reference.wave(2101, phase: Double(rank + 10 * sum)).map { $0 * Float(rank + 1) }
      }
      for rank in found { #expect(rank[2] == test.sums.values) }
    }
  }

  /// What is taken away comes later: all sums together are off by one rounding, however many there are.
  @Test(arguments: [8, 4], 2...5) func `nothing is lost`(bits: Int, ranks: Int) throws {
    let count = 1500
    @Sendable func value(_ rank: Int, _ sum: Int, _ i: Int) -> Float {
      Float(sin(Double(7 * i + 3 * rank + 5 * sum)))
    }
    let found = try run(bits, ranks: ranks, count: count, sums: 40) { rank, sum in
      (0..<count).map { value(rank, sum, $0) }
    }
    #expect(found.allSatisfy { $0 == found[0] })
    // Of each rank and of the sum, half a step of its scale at most.
    let step = Float(2 * ranks + 1) / (bits == 8 ? 127 : 7)
    for i in stride(from: 0, to: count, by: 7) {
      let (sent, exact) = (0..<40).reduce((Float(0), Float(0))) { total, sum in
        (total.0 + found[0][sum][i], total.1 + (0..<ranks).reduce(0) { $0 + value($1, sum, i) })
      }
      #expect(abs(sent - exact) < step)
    }
  }

  @Test func `a sum that was not used changes nothing`() throws {
    let found = try run(8, ranks: 3, count: 700, sums: 3, commits: false) { rank, sum in
      sum == 1
        ? Array(repeating: rank == 1 ? .infinity : 1, count: 700) : Reference.wave(700, phase: Double(rank))
    }
    for rank in found {
      #expect(rank[0] == rank[2])
      #expect(!rank[1].contains { $0.isFinite })
    }
  }

  @Test(arguments: [("int8", 0.02), ("int4", 0.2), ("bf16", 0.02)])
  func `runs follow those of whole numbers, resume, and tell no rank apart`(
    compress: String, tolerance: Double
  ) throws {
    let run = try TemporaryRun()
    func recipe(_ more: String...) throws -> Recipe {
      try Recipe(
        yaml: run.recipe("train.epochs=6").effectiveYAML, path: "r", baseDirectory: "/",
        overrides: ["distributed={sync_every: 2}"] + more)
    }
    let plain = try run.train(recipe(), ranks: 3, out: "plain")
    let rounded = try recipe(
      "distributed.compress=\(compress)", "checkpoint={every_seconds: 1.0e-9, keep_last: 99}")
    for coordinator in ["shared", "dedicated"] {
      let recipe = try Recipe(
        yaml: rounded.effectiveYAML, path: "r", baseDirectory: "/",
        overrides: ["distributed.coordinator=\(coordinator)"])
      let ranks = coordinator == "shared" ? 3 : 4
      let whole = try run.train(recipe, ranks: ranks, out: coordinator)
      let error = try relativeDifference(TemporaryRun.parameters(whole), TemporaryRun.parameters(plain))
      #expect(error < tolerance && error > 0, "\(error)")
      for step in [2, 5, 9, 20] {
        let path = run.path + "/\(coordinator)/checkpoints/\(CatalogueEntry.name(of: step))"
        let again = try run.train(recipe, ranks: ranks, out: "again", resume: .file(path), overwrite: true)
        #expect(again.parametersSHA256 == whole.parametersSHA256, "from step \(step)")
      }
      let other = try run.train(
        recipe, ranks: ranks - 1, out: "other",
        resume: .file(run.path + "/\(coordinator)/checkpoints/\(CatalogueEntry.name(of: 5))"),
        overwrite: true)
      #expect(other.status == .completed)
    }
  }

  @Test(arguments: ["int8", "int4"]) func `what is no way of a round is not rounded so`(compress: String)
    throws
  {
    let run = try TemporaryRun()
    let error = #expect(throws: (any Error).self) { try run.recipe("distributed.compress=\(compress)") }
    #expect("\(error!)".contains("it needs distributed.sync_every"))
  }
}
