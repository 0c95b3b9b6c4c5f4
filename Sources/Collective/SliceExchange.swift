/// One slice of so many values for each rank, and where ranks' parts of them go: `SlicedSum` and `CompressedSum` exchange them.
struct SliceExchange {
  /// Consecutive ranges of nearly equal length.
  let slices: [Range<Int>]
  /// This rank's.
  let own: Range<Int>
  // In bytes: the slices, and where the ranks' parts of this rank's slice arrive.
  let all: [Range<Int>]
  let arriving: [Range<Int>]

  /// - count: the number of values, the same on every rank.
  /// - width: bytes of a value as it travels.
  init(_ group: any Communicator, count: Int, width: Int) {
    func bytes(_ range: Range<Int>) -> Range<Int> { range.lowerBound * width..<range.upperBound * width }
    slices = equalParts(of: count, among: group.size)
    let own = slices[group.rank]
    self.own = own
    all = slices.map(bytes)
    arriving = (0..<group.size).map { bytes($0 * own.count..<($0 + 1) * own.count) }
  }
}
