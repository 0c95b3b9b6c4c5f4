/// Sums that leave each rank one slice of the result, as a sharded optimizer needs them. Nothing is allocated after `init`.
package final class SlicedSum {
  /// The slice of each rank: consecutive ranges of nearly equal length.
  package var slices: [Range<Int>] { exchange.slices }
  /// This rank's.
  package var slice: Range<Int> { exchange.own }

  private let group: any Communicator
  private let tree: RankTree
  private let arrived: UnsafeMutableBufferPointer<Float>
  private let exchange: SliceExchange

  /// - count: the number of values, the same on every rank.
  package init(_ group: any Communicator, count: Int) {
    self.group = group
    tree = RankTree(size: group.size)
    exchange = SliceExchange(group, count: count, width: 4)
    arrived = .allocate(capacity: exchange.own.count * group.size)
  }

  deinit { arrived.deallocate() }

  /// Afterwards `values[slice]` holds the sum over all ranks; the rest of `values` is undefined.
  ///
  /// Each slice is added by its owner, with the bits that `allReduceSum` gives.
  package func reduceScatter(_ values: UnsafeMutableBufferPointer<Float>) throws {
    // Alone, a rank has the sum.
    guard group.size > 1 else { return }
    // Less leaves a machine where its ranks are added there first.
    if let group = group as? MPI, try group.addsByMachine() { return try group.allReduceSum(values) }
    try group.exchange(.init(values), exchange.all, into: .init(arrived), exchange.arriving)
    guard !slice.isEmpty else { return }
    tree.sum(slice.count, into: values.baseAddress! + slice.lowerBound) {
      UnsafePointer(arrived.baseAddress! + $0 * slice.count)
    }
  }

  /// Every rank gives its slice `values[slice]` and gets all others in place.
  package func allGather(_ values: UnsafeMutableBufferPointer<Float>) throws {
    try group.allGather(.init(values), exchange.all)
  }
}

extension Range<Int> {
  /// The same range of floats, counted in bytes.
  package var inBytes: Range<Int> { lowerBound * 4..<upperBound * 4 }
}
