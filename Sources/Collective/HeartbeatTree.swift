/// Who reports to whom: a tree over all ranks of a job, the same on each of them.
///
/// The first rank of a machine speaks for it: the others there report to it. Speakers form a tree of their own, over which each has
/// one above it and a few below, so that a beat costs a few messages a rank, for any number of them. Numbers only fall on the way up.
package struct HeartbeatTree: Sendable, Equatable {
  /// Machines that report to one.
  package static let fanOut = 8
  /// Who judges in rank 0's place where that is away.
  private static let successors = 4

  package let parents: [Int?]
  package let children: [[Int]]
  /// Rank 0 and those that follow it, in this order: on several machines, where there are several.
  package let succession: [Int]

  /// How many reports it takes at most until rank 0 knows of a rank.
  package let depth: Int

  package var size: Int { parents.count }

  /// - hosts: the machine of each rank.
  package init(hosts: [String]) {
    var speakers: [Int] = []
    var machines: [String: Int] = [:]
    var parents: [Int?] = []
    var depths: [Int] = []
    for (rank, host) in hosts.enumerated() {
      if let machine = machines[host] {
        parents.append(speakers[machine])
      } else {
        let machine = speakers.count
        parents.append(machine == 0 ? nil : speakers[(machine - 1) / Self.fanOut])
        machines[host] = machine
        speakers.append(rank)
      }
      depths.append(parents[rank].map { depths[$0] + 1 } ?? 0)
    }
    self.parents = parents
    depth = depths.max() ?? 0
    var children = [[Int]](repeating: [], count: hosts.count)
    for (rank, parent) in parents.enumerated() { if let parent { children[parent].append(rank) } }
    self.children = children
    let neighbour = (1..<max(1, hosts.count)).first { hosts[$0] == hosts[0] }
    let others = speakers.dropFirst().prefix(Self.successors - 1)
    let line = [0] + (neighbour.map { [$0] } ?? []) + others
    succession = hosts.isEmpty ? [] : line.sorted().prefix(Self.successors).map { $0 }
  }

  /// A rank and all that report through it.
  package func subtree(of rank: Int) -> [Int] {
    var all = [rank]
    var next = 0
    while next < all.count {
      all += children[all[next]]
      next += 1
    }
    return all
  }
}
