import Recur

extension BenchCase {
  /// A batch of random numbers.
  func makeBatch() -> Batch {
    var random = Xorshift()
    let perStep = network.readsEveryStep
    let lengths = lengths ?? Array(repeating: Int32(network.steps), count: batch)
    let made: Batch
    if let vocabulary = network.embedding?.vocabulary {
      let tokens = (0..<rows).map { _ in Int32(random.uniform() * Float(vocabulary)) }
      made = Batch(timeMajor: tokens, vocabulary: vocabulary, lengths: lengths)
    } else {
      let inputs = (0..<rows * network.inputSize).map { _ in random.uniform() * 2 - 1 }
      made = Batch(timeMajor: inputs, features: network.inputSize, lengths: lengths)
    }
    let (targets, width) = (perStep ? rows : batch, network.outputSize)
    if loss.takesClasses {
      let classes = (0..<targets).map { _ in Int32(random.uniform() * Float(width)) }
      return made.timeMajorTargets(classes: classes, of: width, perStep: perStep)
    }
    let values = (0..<targets * width).map { _ in random.uniform() }
    return made.timeMajorTargets(values, width: width, perStep: perStep)
  }
}

/// Marsaglia's xorshift64*: the numbers only need to be ordinary.
private struct Xorshift {
  private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// In 0..<1.
  mutating func uniform() -> Float {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return Float((state &* 0x2545_F491_4F6C_DD1D) >> 40) / 16_777_216
  }
}
