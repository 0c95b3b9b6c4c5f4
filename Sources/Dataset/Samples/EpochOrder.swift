/// The order in which one epoch visits the samples: a permutation of `0..<count` that depends on seed and epoch alone.
///
/// Every rank computes the same order by itself, and a run that resumes in epoch n needs no earlier one.
/// Shuffled: Fisher and Yates' exchange from the last sample to the second, where number i of the exchange is drawn without bias
/// (Lemire's multiply and reject) from Philox blocks with key = seed and counter = (block, epoch low, epoch high, 0x0E90C4).
public struct EpochOrder: Sendable, Equatable {
  public let count: Int
  public let seed: UInt64
  /// Off: the order is 0, 1, 2, ….
  public let shuffle: Bool

  /// - count: samples in the training set, at most `Int32.max`.
  public init(count: Int, seed: UInt64, shuffle: Bool = true) {
    precondition(count >= 0 && count <= Int(Int32.max), "sample numbers are 32 bits")
    self.count = count
    self.seed = seed
    self.shuffle = shuffle
  }

  /// Writes the order of `epoch` into the first `count` elements. Does not allocate.
  public func write(epoch: Int, into order: UnsafeMutableBufferPointer<Int32>) {
    precondition(order.count >= count, "the buffer is shorter than the order")
    for i in 0..<count { order.initializeElement(at: i, to: Int32(truncatingIfNeeded: i)) }
    guard shuffle, count > 1 else { return }
    var draws = Draws(seed: seed, epoch: UInt64(bitPattern: Int64(epoch)))
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, Int(draws.next(below: UInt32(last + 1))))
    }
  }

  /// The order of `epoch` as an array.
  public func order(epoch: Int) -> [Int32] {
    [Int32](unsafeUninitializedCapacity: count) { buffer, initialized in
      write(epoch: epoch, into: buffer)
      initialized = count
    }
  }
}

/// The 32-bit numbers of one epoch, one after the other.
private struct Draws {
  let key: SIMD2<UInt32>
  var counter: SIMD4<UInt32>
  var block = Philox.Block()
  var used = 4

  init(seed: UInt64, epoch: UInt64) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    counter = SIMD4(0, UInt32(truncatingIfNeeded: epoch), UInt32(truncatingIfNeeded: epoch >> 32), 0x0E_90C4)
  }

  mutating func next() -> UInt32 {
    if used == 4 {
      block = Philox.block(counter: counter, key: key)
      counter.x &+= 1
      used = 0
    }
    defer { used += 1 }
    return block[used]
  }

  /// A number of `0..<bound`, each equally likely.
  mutating func next(below bound: UInt32) -> UInt32 {
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
    }
    return product.high
  }
}
