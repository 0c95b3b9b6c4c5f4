/// The order in which one epoch visits the samples: a permutation of `0..<count` that depends on seed and epoch alone.
///
/// Every rank computes the same order by itself, and a run that resumes in epoch n needs no earlier one.
/// Shuffled: Fisher and Yates' exchange from the last sample to the second, where number i of the exchange is drawn without bias
/// (Lemire's multiply and reject) from Philox blocks with key = seed and counter = (block, epoch low, epoch high, 0x0E90C4).
///
/// Shuffled in blocks: the blocks of `block` consecutive samples (the last may be shorter) are put in an order in that way; then the samples
/// of every 16 blocks that follow one another in it, with the numbers that come next. Files are so read in stretches that memory has room for.
public struct EpochOrder: Sendable, Equatable {
  public let count: Int
  public let seed: UInt64
  /// Off: the order is 0, 1, 2, ….
  public let shuffle: Bool
  /// Samples of a block; nil for samples that are shuffled each by itself.
  public let block: Int?
  /// nil for batches of samples as they come.
  public let buckets: LengthBuckets?

  /// - count: samples in the training set, at most `Int32.max`.
  public init(
    count: Int, seed: UInt64, shuffle: Bool = true, block: Int? = nil, buckets: LengthBuckets? = nil
  ) {
    precondition(count >= 0 && count <= Int(Int32.max), "sample numbers are 32 bits")
    precondition(block ?? 1 > 0, "a block has samples")
    self.block = block
    self.count = count
    self.seed = seed
    self.shuffle = shuffle
    self.buckets = buckets
  }

  /// Writes the order of `epoch` into the first `count` elements. Does not allocate, unless there are buckets or blocks.
  package func write(epoch: Int, into order: UnsafeMutableBufferPointer<Int32>) {
    precondition(order.count >= count, "the buffer is shorter than the order")
    for i in 0..<count { order.initializeElement(at: i, to: Int32(truncatingIfNeeded: i)) }
    guard count > 1 else { return }
    var draws = Draws(seed: seed, epoch: UInt64(bitPattern: Int64(epoch)))
    if shuffle, let block {
      shuffleBlocks(of: block, order, &draws)
    } else if shuffle {
      draws.shuffle(UnsafeMutableBufferPointer(rebasing: order[..<count]))
    }
    guard let buckets else { return }
    let window = buckets.batches * buckets.batchSize
    for start in stride(from: 0, to: count, by: window) {
      let samples = UnsafeMutableBufferPointer(rebasing: order[start..<min(start + window, count)])
      buckets.sort(samples)
      guard shuffle else { continue }
      // Whole batches change places, or each stretch would go from long to short.
      for last in stride(from: samples.count / buckets.batchSize - 1, to: 0, by: -1) {
        buckets.exchange(last, Int(draws.next(below: UInt32(last + 1))), in: samples)
      }
    }
  }

  /// Blocks that follow one another in an epoch whose samples are mixed.
  static let blocksTogether = 16

  private func shuffleBlocks(
    of block: Int, _ order: UnsafeMutableBufferPointer<Int32>, _ draws: inout Draws
  ) {
    var blocks = (0..<Int32((count + block - 1) / block)).map { $0 }
    blocks.withUnsafeMutableBufferPointer { draws.shuffle($0) }
    var place = 0
    for first in stride(from: 0, to: blocks.count, by: Self.blocksTogether) {
      let start = place
      for number in blocks[first..<min(first + Self.blocksTogether, blocks.count)] {
        for sample in Int(number) * block..<min((Int(number) + 1) * block, count) {
          order[place] = Int32(truncatingIfNeeded: sample)
          place += 1
        }
      }
      draws.shuffle(UnsafeMutableBufferPointer(rebasing: order[start..<place]))
    }
  }
}

/// Batches of samples of like length: each stretch of `batches` batches of an epoch's order is sorted by length, longest first, before
/// it is cut into batches. Every sample still comes once, and the order depends on seed and epoch alone.
public struct LengthBuckets: Sendable, Equatable {
  public let batchSize: Int
  /// At least 2; a stretch of one batch is only put in order.
  public let batches: Int
  /// Of each sample.
  public let lengths: [Int32]

  public init(batchSize: Int, batches: Int, lengths: [Int32]) {
    precondition(batchSize > 0 && batches > 0)
    self.batchSize = batchSize
    self.batches = batches
    self.lengths = lengths
  }

  /// Samples of one length stay in order.
  fileprivate func sort(_ samples: UnsafeMutableBufferPointer<Int32>) {
    let sorted = samples.enumerated().sorted {
      let (a, b) = (lengths[Int($0.element)], lengths[Int($1.element)])
      return a != b ? a > b : $0.offset < $1.offset
    }
    for (place, sample) in sorted.enumerated() { samples[place] = sample.element }
  }

  fileprivate func exchange(_ a: Int, _ b: Int, in samples: UnsafeMutableBufferPointer<Int32>) {
    if a == b { return }
    for i in 0..<batchSize { samples.swapAt(a * batchSize + i, b * batchSize + i) }
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

  /// Fisher and Yates' exchange, from the last to the second.
  mutating func shuffle(_ numbers: UnsafeMutableBufferPointer<Int32>) {
    for last in stride(from: numbers.count - 1, to: 0, by: -1) {
      numbers.swapAt(last, Int(next(below: UInt32(last + 1))))
    }
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
