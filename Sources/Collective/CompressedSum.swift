/// As `SlicedSum`, with half the bytes on the wire: values travel as bfloat16 (8 bits of precision) and are added in float32.
package final class CompressedSum {
  package var slice: Range<Int> { exchange.own }

  private let group: any Communicator
  private let sent: UnsafeMutableBufferPointer<UInt16>
  private let arrived: UnsafeMutableBufferPointer<UInt16>
  private let exchange: SliceExchange

  package init(_ group: any Communicator, count: Int) {
    self.group = group
    exchange = SliceExchange(group, count: count, width: 2)
    sent = .allocate(capacity: count)
    arrived = .allocate(capacity: exchange.own.count * group.size)
  }

  deinit {
    sent.deallocate()
    arrived.deallocate()
  }

  /// Afterwards `values[slice]` holds the sum over all ranks of the rounded values; the rest is undefined.
  package func reduceScatter(_ values: UnsafeMutableBufferPointer<Float>) throws {
    for i in values.indices { sent[i] = Self.rounded(values[i]) }
    try group.exchange(.init(sent), exchange.all, into: .init(arrived), exchange.arriving)
    let (size, count, first) = (group.size, slice.count, slice.lowerBound)
    for i in 0..<count {
      var sum = Self.float(arrived[i])
      for peer in 1..<size { sum += Self.float(arrived[peer * count + i]) }
      values[first + i] = sum
    }
  }

  /// Every rank gives its slice and gets all others, rounded; its own too, so that all hold the same.
  package func allGather(_ values: UnsafeMutableBufferPointer<Float>) throws {
    for i in slice { sent[i] = Self.rounded(values[i]) }
    try group.allGather(.init(sent), exchange.all)
    for i in values.indices { values[i] = Self.float(sent[i]) }
  }

  /// The nearest bfloat16, ties to even; NaN stays NaN.
  @inline(__always)
  static func rounded(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let rounded = UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
    return value.isNaN ? UInt16(truncatingIfNeeded: bits >> 16) | 0x40 : rounded
  }

  @inline(__always)
  static func float(_ half: UInt16) -> Float { Float(bitPattern: UInt32(half) << 16) }
}
