import Collective

/// Sums of a group whose ranks are said to be on several machines, whichever they are on.
package enum PlacementChecks {
  /// Placements to try: of each rank, the number of its machine.
  package static func placements(_ size: Int) -> [[Int]] {
    let ranks = 0..<size
    let all = [
      ranks.map { $0 / 2 }, ranks.map { $0 / 3 }, ranks.map { $0 % 2 }, ranks.map { min($0, 1) },
      ranks.map { $0 == size - 1 ? 1 : 0 }, Array(ranks),
    ]
    return all.map { machines in machines.map { machines.firstIndex(of: $0)! } }
  }

  /// A sum of gradients is that of the ranks' tree where the placement keeps it, else machine by machine.
  /// - Returns: a line for each thing that is wrong.
  package static func run(_ group: any Communicator, _ firsts: [Int], largest: Int = 300_001) throws
    -> [String]
  {
    var wrong: [String] = []
    for (count, small) in [(0, 3), (7, 0), (1000, 5), (70_001, 9), (largest, 40_000)] where count <= largest {
      if !(try isPlacedSum(group, firsts, count, small)) {
        wrong.append("\(group.place): gradients of \(count) floats and \(small) doubles, machines \(firsts)")
      }
    }
    return wrong
  }

  private static func isPlacedSum(
    _ group: any Communicator, _ firsts: [Int], _ count: Int, _ small: Int
  ) throws -> Bool {
    func value(_ rank: Int, _ i: Int) -> Double { 1 / Double(1 + (i * 7919 + rank * 104_729) % 10_007) }
    var values = (0..<count).map { Float(value(group.rank, $0)) }
    var sums = (0..<small).map { value(group.rank, $0 + 5) }
    try values.withUnsafeMutableBufferPointer { values in
      try sums.withUnsafeMutableBufferPointer { try group.addGradients(values, $0, by: .own) }
    }
    let machines = Placement(firsts: firsts).machines
    func placedSum<Value: FloatingPoint>(_ value: (_ rank: Int) -> Value) -> Value {
      // Ranks of one machine are added as ever.
      CommonChecks.treeSum(machines.map { CommonChecks.treeSum($0.map(value)) })
    }
    let expected: [Float] = (0..<count).map { i in placedSum { Float(value($0, i)) } }
    let expectedSums: [Double] = (0..<small).map { i in placedSum { value($0, i + 5) } }
    return values == expected && sums == expectedSums
  }
}
