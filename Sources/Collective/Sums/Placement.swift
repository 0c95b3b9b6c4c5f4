/// Which ranks of a group share a machine.
///
/// Sums over several machines go machine by machine: the ranks of each in the order of their `RankTree`, then the machines in the order
/// of theirs.
package struct Placement: Hashable, Sendable {
  /// The ranks of each machine, rising; the machines in the order of their first ranks.
  package let machines: [[Int]]

  /// - firsts: of each rank, the first rank of its machine.
  package init(firsts: [Int]) {
    machines = Dictionary(grouping: firsts.indices) { firsts[$0] }.values.sorted { $0[0] < $1[0] }
  }

  /// Each rank on a machine of its own.
  package static func apart(_ size: Int) -> Placement { Placement(firsts: Array(0..<size)) }

  package var size: Int { machines.reduce(0) { $0 + $1.count } }

  /// Where a rank is: the number of its machine, and its own among the ranks there.
  func place(of rank: Int) -> (machine: Int, local: Int) {
    let machine = machines.firstIndex { $0.contains(rank) }!
    return (machine, machines[machine].firstIndex(of: rank)!)
  }

  /// Whether machine by machine is the order of the tree of all ranks, so that the bits are the same: as it is where each machine has
  /// the same power of two of consecutive ranks.
  package var keepsRankOrder: Bool {
    let all = RankTree.nodes(machines.joined().sorted().map { [$0] })
    let within = machines.map { RankTree.nodes($0.map { [$0] }) }
    let between = RankTree.nodes(machines.map { Set($0) })
    return within.reduce(between) { $0.union($1) } == all
  }

  /// Whether each machine has as many ranks.
  var isEven: Bool { machines.allSatisfy { $0.count == machines[0].count } }

  /// "2 × 4 ranks", or "4 + 2 + 2 ranks".
  package var words: String {
    let counts = machines.map(\.count)
    return isEven
      ? "\(counts.count) × \(counts[0]) ranks" : counts.map(String.init).joined(separator: " + ") + " ranks"
  }
}

extension RankTree {
  /// What the sums of a tree are made of: for each of its inner nodes the union of the leaves below. `a + b` has the bits of `b + a`,
  /// so trees with the same nodes give the same bits.
  static func nodes(_ leaves: [Set<Int>]) -> Set<Set<Int>> {
    let tree = RankTree(size: leaves.count, adds: false)
    var level = (0..<tree.left).map { place in
      let rank = tree.rank(at: place)
      return place < tree.pairs ? leaves[rank].union(leaves[rank + 1]) : leaves[rank]
    }
    var nodes = Set(level.prefix(tree.pairs))
    while level.count > 1 {
      level = stride(from: 0, to: level.count, by: 2).map { level[$0].union(level[$0 + 1]) }
      nodes.formUnion(level)
    }
    return nodes
  }
}
