import Collective

/// Sums of gradients by each collective of MPI.
package enum EngineChecks {
  /// - Returns: a line for each thing that is wrong.
  package static func run(_ group: any Communicator) throws -> [String] {
    var wrong: [String] = []
    for engine in SumEngine.allCases {
      for (count, small) in [(0, 3), (1, 0), (7, 2), (10_007, 5), (300_001, 1)] {
        // Whole numbers: every order of additions has the same bits.
        let whole = try sum(group, count, small, engine) { Double(($0 + 1) * ($1 % 97)) }
        let factor = group.size * (group.size + 1) / 2
        let isRight =
          whole.values == (0..<count).map { Float(factor * ($0 % 97)) }
          && whole.sums == (0..<small).map { Double(factor * ($0 % 97)) }
        if !isRight {
          wrong.append("\(group.place): \(engine.rawValue) of \(count) floats and \(small) doubles")
        }
        // Others have the same ones each time, and on all ranks.
        let runs = try (0..<2).map { _ in
          try sum(group, count, small, engine) { 1 / Double(1 + ($1 * 7919 + $0 * 104_729) % 10_007) }.values
        }
        let all = try group.allGather(runs[0].withUnsafeBytes { Array($0) })
        if runs[0] != runs[1] || Set(all).count > 1 {
          wrong.append("\(group.place): \(engine.rawValue) of \(count) floats is not the same again")
        }
      }
    }
    return wrong
  }

  private static func sum(
    _ group: any Communicator, _ count: Int, _ small: Int, _ engine: SumEngine,
    _ value: (_ rank: Int, _ i: Int) -> Double
  ) throws -> (values: [Float], sums: [Double]) {
    var values = (0..<count).map { Float(value(group.rank, $0)) }
    var sums = (0..<small).map { value(group.rank, $0) }
    try values.withUnsafeMutableBufferPointer { values in
      try sums.withUnsafeMutableBufferPointer { try group.addGradients(values, $0, by: engine) }
    }
    return (values, sums)
  }
}
