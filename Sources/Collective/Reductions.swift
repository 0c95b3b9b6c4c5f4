/// Sums that leave each rank one slice of the result, as a sharded optimizer needs them.
extension Communicator {
  /// After it `values[parts[rank]]` holds the sum over all ranks; the rest of `values` is undefined.
  ///
  /// `parts` are consecutive ranges that cover `values`, the same on every rank. Each slice is added by its owner in rank
  /// order, in float32, so that a number of ranks always gives the same bits.
  public func reduceScatterSum(_ values: UnsafeMutableBufferPointer<Float>, parts: [Range<Int>]) throws {
    let mine = parts[rank]
    let arrived = UnsafeMutableBufferPointer<Float>.allocate(capacity: mine.count * size)
    defer { arrived.deallocate() }
    let places = (0..<size).map { $0 * mine.count..<($0 + 1) * mine.count }
    try exchange(.init(values), parts.map(\.inBytes), into: .init(arrived), places.map(\.inBytes))
    for i in 0..<mine.count {
      var sum = arrived[i]
      for peer in 1..<size { sum += arrived[peer * mine.count + i] }
      values[mine.lowerBound + i] = sum
    }
  }

  /// Every rank gives its slice `values[parts[rank]]` and gets all others in place.
  public func allGather(_ values: UnsafeMutableBufferPointer<Float>, parts: [Range<Int>]) throws {
    let mine = UnsafeMutableBufferPointer<Float>.allocate(capacity: parts[rank].count)
    defer { mine.deallocate() }
    _ = mine.initialize(fromContentsOf: values[parts[rank]])
    let whole = (0..<mine.count).inBytes
    try exchange(
      .init(mine), Array(repeating: whole, count: size), into: .init(values), parts.map(\.inBytes))
  }
}

extension Range<Int> {
  /// The same range of floats, counted in bytes.
  var inBytes: Range<Int> { lowerBound * 4..<upperBound * 4 }
}
