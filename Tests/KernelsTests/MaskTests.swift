import CKernels
import Kernels
import TestSupport
import Testing

/// Dropout masks are Philox4x32-10 and the same bits from every instruction set.
@Suite(.tags(.fast)) struct MaskTests {
  /// What is left of ones: 0 where the word of a unit is below the threshold, else 1.
  private func kept(_ kernels: KernelSet, threshold: UInt32, width: Int, block: rk_dropout_block) -> [Float] {
    var block = block
    block.threshold = threshold
    var y = [Float](repeating: 1, count: width + 1)
    kernels.functions.dropout(&block, y, &y, width)
    #expect(y.popLast() == 1)
    return y
  }

  @Test func `words are those of the reference implementation`() {
    // Random123's known answers (kat_vectors), key and counter zero.
    let zero = rk_dropout_block(key: 0, layer: 0, time: 0, sample: 0, block: 0, threshold: 0, scale: 1)
    let words: [UInt32] = [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
    for kernels in KernelSet.available {
      for (unit, word) in words.enumerated() {
        #expect(kept(kernels, threshold: word, width: 4, block: zero)[unit] == 1, "\(kernels.name)")
        #expect(kept(kernels, threshold: word + 1, width: 4, block: zero)[unit] == 0, "\(kernels.name)")
      }
    }
  }

  @Test(arguments: [1, 3, 4, 17, 64, 65, 200]) func `are the same in every instruction set`(_ width: Int) {
    let block = rk_dropout_block(
      key: 0x1234_5678_9abc_def0, layer: 5, time: 77, sample: 123_456, block: 1, threshold: 0, scale: 1)
    let expected = kept(.portable, threshold: 1 << 30, width: width, block: block)
    for kernels in KernelSet.available {
      #expect(kept(kernels, threshold: 1 << 30, width: width, block: block) == expected, "\(kernels.name)")
    }
    // Marks are the same masks.
    for kernels in KernelSet.available {
      var (marked, marks) = (block, [UInt8](repeating: 7, count: width + 1))
      marked.threshold = 1 << 30
      kernels.functions.dropped(&marked, &marks, width)
      #expect(marks == expected.map { 1 - UInt8($0) } + [7], "\(kernels.name)")
    }
    // A unit's mask does not depend on how many there are.
    #expect(expected == Array(kept(.portable, threshold: 1 << 30, width: 300, block: block).prefix(width)))
    if width == 200 { #expect((120...180).contains(expected.count { $0 == 1 })) }
  }
}
