/// PyTorch's CPU generator: the bits `torch.manual_seed(seed)` and then `uniform_`, `normal_` or `randperm` would give.
///
/// The engine is mt19937 (Matsumoto and Nishimura 1998); what is PyTorch's own is how its 32-bit numbers become floats
/// (ATen's `DistributionsHelper.h` and `DistributionTemplates.h`, as they run on x86-64 with AVX2 or AVX-512).
public struct TorchGenerator: Sendable {
  static let words = 624

  var state: [UInt32]
  /// The next word of `state` to hand out; `words` when the block is used up.
  var position = words
  /// The second half of the last Box–Muller pair, kept between calls as PyTorch does.
  var pendingNormal: Double?

  /// Like `torch.manual_seed`, only the low 32 bits of the seed count.
  public init(seed: UInt64) {
    state = [UInt32](repeating: 0, count: Self.words)
    state[0] = UInt32(truncatingIfNeeded: seed)
    for i in 1..<Self.words {
      state[i] = 1_812_433_253 &* (state[i - 1] ^ (state[i - 1] >> 30)) &+ UInt32(i)
    }
  }

  /// The next 32 random bits.
  public mutating func next() -> UInt32 {
    if position == Self.words { refill() }
    defer { position += 1 }
    return Self.temper(state[position])
  }

  /// The next 64 random bits, the first word being the high one.
  mutating func next64() -> UInt64 {
    let high = UInt64(next())
    return high << 32 | UInt64(next())
  }

  /// Hands `body` the next `count` words, in runs of at most one block: (offset of the run, tempered words).
  mutating func forEachRun(_ count: Int, _ body: (Int, UnsafeBufferPointer<UInt32>) -> Void) {
    var done = 0
    while done < count {
      if position == Self.words { refill() }
      let run = min(count - done, Self.words - position)
      state.withUnsafeBufferPointer {
        body(done, UnsafeBufferPointer(rebasing: $0[position..<position + run]))
      }
      position += run
      done += run
    }
  }

  /// Leaves out the next `count` 32-bit numbers.
  public mutating func skip(_ count: Int) { forEachRun(count) { _, _ in } }

  static func temper(_ word: UInt32) -> UInt32 {
    var y = word
    y ^= y >> 11
    y ^= (y << 7) & 0x9d2c_5680
    y ^= (y << 15) & 0xefc6_0000
    return y ^ (y >> 18)
  }

  /// Replaces the block by the next one.
  private mutating func refill() {
    let words = Self.words
    let middle = 397
    state.withUnsafeMutableBufferPointer { s in
      func advanced(_ i: Int, next: Int, far: Int) -> UInt32 {
        let mixed = (s[i] & 0x8000_0000) | (s[next] & 0x7fff_ffff)
        return s[far] ^ (mixed >> 1) ^ (0 &- (s[next] & 1)) & 0x9908_b0df
      }
      for i in 0..<words - middle { s[i] = advanced(i, next: i + 1, far: i + middle) }
      for i in words - middle..<words - 1 { s[i] = advanced(i, next: i + 1, far: i + middle - words) }
      s[words - 1] = advanced(words - 1, next: 0, far: middle - 1)
    }
    position = 0
  }
}

extension TorchGenerator {
  /// `tensor.uniform_(from, to)` of a float32 tensor: uniform in [from, to), one 32-bit word each.
  package mutating func uniform(_ out: UnsafeMutableBufferPointer<Float>, from: Float, to: Float) {
    let range = to - from
    forEachRun(out.count) { offset, run in
      for i in 0..<run.count {
        // One rounding: PyTorch's kernels are compiled with fused multiply-add.
        out[offset + i] = from.addingProduct(Self.unit(Self.temper(run[i])), range)
      }
    }
  }

  /// A float in [0, 1) from the low 24 bits.
  @inline(__always)
  static func unit(_ word: UInt32) -> Float { Float(word & 0xff_ffff) * 0x1p-24 }

  /// `torch.randperm(count)`: a permutation of `0..<count`.
  public mutating func permutation(_ count: Int) -> [Int] {
    precondition(count >= 0 && count < Int(UInt32.max) / 20, "PyTorch draws longer permutations differently")
    var order = Array(0..<count)
    for i in 0..<max(count - 1, 0) { order.swapAt(i, i + Int(next()) % (count - i)) }
    return order
  }
}
