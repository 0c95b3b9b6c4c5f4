/// As `SlicedSum`, with half the bytes on the wire: values travel as bfloat16 (8 bits of precision) and are added in float32.
package final class CompressedSum {
  package let slices: [Range<Int>]
  package var slice: Range<Int> { slices[group.rank] }

  private let group: any Communicator
  private let sent: UnsafeMutableBufferPointer<UInt16>
  private let arrived: UnsafeMutableBufferPointer<UInt16>
  // In bytes, as in `SlicedSum`.
  private let all: [Range<Int>]
  private let mine: [Range<Int>]
  private let places: [Range<Int>]

  package init(_ group: any Communicator, count: Int) {
    self.group = group
    let size = group.size
    slices = equalParts(of: count, among: size)
    let own = slices[group.rank]
    func bytes(_ range: Range<Int>) -> Range<Int> { 2 * range.lowerBound..<2 * range.upperBound }
    all = slices.map(bytes)
    mine = Array(repeating: bytes(own), count: size)
    places = (0..<size).map { bytes($0 * own.count..<($0 + 1) * own.count) }
    sent = .allocate(capacity: count)
    arrived = .allocate(capacity: own.count * size)
  }

  deinit {
    sent.deallocate()
    arrived.deallocate()
  }

  /// Afterwards `values[slice]` holds the sum over all ranks of the rounded values; the rest is undefined.
  package func reduceScatter(_ values: UnsafeMutableBufferPointer<Float>) throws {
    for i in values.indices { sent[i] = Self.rounded(values[i]) }
    try group.exchange(.init(sent), all, into: .init(arrived), places)
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
    try group.exchange(.init(sent), mine, into: .init(sent), all)
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
