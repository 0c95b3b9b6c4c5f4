/// A sum over ranks whose values travel as whole numbers of 8 or 4 bits with one scale for each block, both ways, and what rounding takes away
/// is not lost: each rank adds it to its next values, and the rank that adds a slice to its next sum (error feedback).
///
/// Every rank adds one slice in the order of the ranks, in float32, and all hold the same bits afterwards. Nothing is allocated after `init`.
package final class QuantizedSum {
  /// Values of a block.
  package static let block = 1024
  /// What this rank has not sent yet.
  private let error: KeptBuffer
  /// What has been added and not been sent back yet; of this rank's slice, of all after `gatherErrors`.
  private let sumError: KeptBuffer

  private let group: any Communicator
  private let code: BlockCode
  private let slices: [Range<Int>]
  private var slice: Range<Int> { slices[group.rank] }
  private let sent: UnsafeMutableRawBufferPointer
  private let arrived: UnsafeMutableRawBufferPointer
  /// Of each slice its bytes in `sent`.
  private let places: [Range<Int>]

  /// - bits: 8 or 4.
  package init(_ group: any Communicator, count: Int, bits: Int) {
    self.group = group
    code = BlockCode(bits: bits)
    slices = equalParts(of: count, among: group.size)
    places = slices.map { [code] in code.bytes(of: $0.count) }.runningRanges
    sent = .allocate(byteCount: places.last?.upperBound ?? 0, alignment: 4)
    arrived = .allocate(byteCount: group.size * places[group.rank].count, alignment: 4)
    (error, sumError) = (KeptBuffer(count), KeptBuffer(count))
  }

  deinit {
    sent.deallocate()
    arrived.deallocate()
  }

  /// Both, as a checkpoint has them.
  package var errors: (own: UnsafeMutableBufferPointer<Float>, ofSums: UnsafeMutableBufferPointer<Float>) {
    (error.values, sumError.values)
  }

  /// Leaves the sums in place, on every rank. What rounding took away counts from `commit` on.
  package func sum(_ values: UnsafeMutableBufferPointer<Float>) throws {
    for i in values.indices { values[i] += error.values[i] }
    for (slice, place) in zip(slices, places) {
      code.write(
        .init(rebasing: values[slice]), into: .init(rebasing: sent[place]),
        error: .init(rebasing: error.next[slice]))
    }
    let own = places[group.rank]
    let arriving = (0..<group.size).map { $0 * own.count..<($0 + 1) * own.count }
    try group.exchange(.init(sent), places, into: arrived, arriving)
    let target = UnsafeMutableBufferPointer(rebasing: values[slice])
    _ = target.update(fromContentsOf: sumError.values[slice])
    for part in arriving { code.add(.init(rebasing: arrived[part]), to: target) }
    code.write(
      target, into: .init(rebasing: sent[own]), error: .init(rebasing: sumError.next[slice]))
    try group.allGather(sent, places)
    for (slice, place) in zip(slices, places) {
      let target = UnsafeMutableBufferPointer(rebasing: values[slice])
      target.update(repeating: 0)
      code.add(.init(rebasing: sent[place]), to: target)
    }
  }

  /// The sum was used: what it took away is added to the next one. Without this call nothing has changed.
  package func commit() {
    error.commit()
    sumError.commit()
  }

  /// Brings what the slices' owners have not sent back to rank 0.
  package func gatherErrors() throws {
    var outgoing = [Range<Int>](repeating: 0..<0, count: group.size)
    outgoing[0] = slice.inBytes
    let incoming = group.rank == 0 ? slices.map(\.inBytes) : outgoing.map { _ in 0..<0 }
    try group.exchange(.init(sumError.values), outgoing, into: .init(sumError.values), incoming)
  }
}

/// Blocks of floats as whole numbers: of each block a scale, the largest size over the largest number, then the nearest numbers. In a slice all
/// scales stand before all numbers; two numbers of 4 bits share a byte, the first one below.
struct BlockCode: Sendable {
  let bits: Int
  private var largest: Float { bits == 8 ? 127 : 7 }

  private func blocks(_ count: Int) -> Int { (count + QuantizedSum.block - 1) / QuantizedSum.block }

  /// A multiple of 4.
  func bytes(of count: Int) -> Int {
    4 * blocks(count) + (count * bits + 31) / 32 * 4
  }

  /// - error: gets what the numbers leave of the values.
  func write(
    _ values: UnsafeMutableBufferPointer<Float>, into bytes: UnsafeMutableRawBufferPointer,
    error: UnsafeMutableBufferPointer<Float>
  ) {
    let start = 4 * blocks(values.count)
    if bits == 4 {
      UnsafeMutableRawBufferPointer(rebasing: bytes[start...]).initializeMemory(as: UInt8.self, repeating: 0)
    }
    for block in 0..<blocks(values.count) {
      let range = block * QuantizedSum.block..<min((block + 1) * QuantizedSum.block, values.count)
      var most: Float = 0
      // A value that is no number makes the scale none.
      for i in range { most = abs(values[i]) <= most ? most : abs(values[i]) }
      let scale = most / largest
      bytes.storeBytes(of: scale.bitPattern, toByteOffset: 4 * block, as: UInt32.self)
      // What is too small for a scale waits.
      let inverse = scale >= .leastNormalMagnitude && scale.isFinite ? 1 / scale : 0
      for i in range {
        let number = (values[i] * inverse).rounded(.toNearestOrEven)
        error[i] = values[i] - number * scale
        put(Int8(max(-largest, min(largest, number.isNaN ? 0 : number))), at: i, of: bytes, start)
      }
    }
  }

  /// Adds the values that numbers stand for.
  func add(_ bytes: UnsafeMutableRawBufferPointer, to values: UnsafeMutableBufferPointer<Float>) {
    let start = 4 * blocks(values.count)
    for block in 0..<blocks(values.count) {
      let scale = Float(bitPattern: bytes.load(fromByteOffset: 4 * block, as: UInt32.self))
      for i in block * QuantizedSum.block..<min((block + 1) * QuantizedSum.block, values.count) {
        values[i] += Float(number(at: i, of: bytes, start)) * scale
      }
    }
  }

  @inline(__always)
  private func put(_ number: Int8, at index: Int, of bytes: UnsafeMutableRawBufferPointer, _ start: Int) {
    if bits == 8 {
      bytes[start + index] = UInt8(bitPattern: number)
    } else {
      bytes[start + index / 2] |= (UInt8(bitPattern: number) & 15) << UInt8(index % 2 * 4)
    }
  }

  @inline(__always)
  private func number(at index: Int, of bytes: UnsafeMutableRawBufferPointer, _ start: Int) -> Int8 {
    if bits == 8 { return Int8(bitPattern: bytes[start + index]) }
    let nibble = bytes[start + index / 2] >> UInt8(index % 2 * 4) & 15
    return Int8(bitPattern: nibble << 4) >> 4
  }
}
