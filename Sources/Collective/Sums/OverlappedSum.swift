/// A sum over ranks that is made bucket by bucket on a thread of its own, from the end of the values to their start, while the
/// start is still being computed.
///
/// Between `begin` and the return of `finish` nothing else of the group may be called: see `SumThread`.
final class OverlappedSum {
  private let sums: BucketSums
  private let thread: SumThread
  /// Buckets that are final.
  private var released = 0

  /// - buckets: ranges from the end of the values to their start, at least two; the last one is left for `finish`, in one message
  ///   with other sums.
  init(
    _ group: any Communicator, _ values: UnsafeMutableBufferPointer<Float>, buckets: [Range<Int>]
  ) {
    let sums = BucketSums(group, values, buckets)
    self.sums = sums
    thread = SumThread(group, calls: buckets.count - 1) { try sums.add($0) }
  }

  /// What adds; set before the first sum.
  var engine: SumEngine {
    get { sums.engine }
    set { sums.engine = newValue }
  }

  /// All of it at once, in the same messages: they give the same bits.
  func sumAfterwards(_ others: UnsafeMutableBufferPointer<Double>) throws {
    for index in 0..<sums.last { try sums.add(index) }
    try sums.add(sums.last, others)
  }

  /// Nothing of the values is final yet.
  func begin() {
    released = 0
    thread.begin()
  }

  /// The values from this one to the last are final, and must not be touched until `finish` returns.
  func isFinal(from start: Int) {
    while released < sums.last, sums.buckets[released].lowerBound >= start { released += 1 }
    thread.release(released)
  }

  /// Returns when all values are summed on this rank, and `others` with them.
  func finish(_ others: UnsafeMutableBufferPointer<Double>) throws {
    thread.release(sums.last)
    try thread.wait()
    try sums.add(sums.last, others)
  }

  /// Of the buckets before the last one in the sum that was finished.
  var spans: [SumThread.Interval] { thread.spans }
}

/// The sum of one bucket after the other.
private final class BucketSums {
  let buckets: [Range<Int>]
  /// Changed before there is a thread.
  var engine = SumEngine.own
  private let group: any Communicator
  private let values: UnsafeMutableBufferPointer<Float>

  init(_ group: any Communicator, _ values: UnsafeMutableBufferPointer<Float>, _ buckets: [Range<Int>]) {
    (self.group, self.values, self.buckets) = (group, values, buckets)
  }

  var last: Int { buckets.count - 1 }

  func add(_ index: Int, _ others: UnsafeMutableBufferPointer<Double> = .init(start: nil, count: 0)) throws {
    try group.addGradients(.init(rebasing: values[buckets[index]]), others, by: engine)
  }
}
