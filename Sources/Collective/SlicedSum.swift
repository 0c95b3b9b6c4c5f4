/// Sums that leave each rank one slice of the result, as a sharded optimizer needs them. Nothing is allocated after `init`.
package final class SlicedSum {
  /// The slice of each rank: consecutive ranges of nearly equal length.
  package let slices: [Range<Int>]
  /// This rank's.
  package var slice: Range<Int> { slices[group.rank] }

  private let group: any Communicator
  private let tree: RankTree
  private let arrived: UnsafeMutableBufferPointer<Float>
  // In bytes: the slices, this rank's slice once for each rank, and where the ranks' parts of it arrive.
  private let all: [Range<Int>]
  private let mine: [Range<Int>]
  private let places: [Range<Int>]

  /// - count: the number of values, the same on every rank.
  package init(_ group: any Communicator, count: Int) {
    self.group = group
    let size = group.size
    tree = RankTree(size: size)
    slices = equalParts(of: count, among: size)
    let own = slices[group.rank]
    all = slices.map(\.inBytes)
    mine = Array(repeating: own.inBytes, count: size)
    places = (0..<size).map { ($0 * own.count..<($0 + 1) * own.count).inBytes }
    arrived = .allocate(capacity: own.count * size)
  }

  deinit { arrived.deallocate() }

  /// Afterwards `values[slice]` holds the sum over all ranks; the rest of `values` is undefined.
  ///
  /// Each slice is added by its owner, with the bits that `allReduceSum` gives.
  package func reduceScatter(_ values: UnsafeMutableBufferPointer<Float>) throws {
    try group.exchange(.init(values), all, into: .init(arrived), places)
    guard !slice.isEmpty else { return }
    tree.sum(slice.count, into: values.baseAddress! + slice.lowerBound) {
      UnsafePointer(arrived.baseAddress! + $0 * slice.count)
    }
  }

  /// Every rank gives its slice `values[slice]` and gets all others in place.
  package func allGather(_ values: UnsafeMutableBufferPointer<Float>) throws {
    try group.exchange(.init(values), mine, into: .init(values), all)
  }
}

extension Range<Int> {
  /// The same range of floats, counted in bytes.
  package var inBytes: Range<Int> { lowerBound * 4..<upperBound * 4 }
}
