import Dataset
import TestSupport
import Testing

@Suite(.tags(.fast)) struct EpochOrderTests {
  /// The known answers that come with the authors' Random123 library.
  @Test func philoxKnownAnswers() {
    let ones = UInt32.max
    #expect(
      Philox.block(counter: .zero, key: .zero) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
    #expect(
      Philox.block(counter: SIMD4(repeating: ones), key: SIMD2(repeating: ones))
        == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
    #expect(
      Philox.block(
        counter: [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], key: [0xa409_3822, 0x299f_31d0])
        == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
  }

  @Test(arguments: [0, 1, 2, 7, 1000, 100_000])
  func visitsEachSampleOnce(_ count: Int) {
    for epoch in [0, 1, 300, -1] {
      let order = EpochOrder(count: count, seed: 42).order(epoch: epoch)
      #expect(order.sorted().elementsEqual((0..<Int32(count))))
    }
  }

  @Test func dependsOnSeedAndEpochAlone() {
    let order = EpochOrder(count: 1000, seed: 42)
    #expect(order.order(epoch: 3) == EpochOrder(count: 1000, seed: 42).order(epoch: 3))
    let others = [
      order.order(epoch: 4), EpochOrder(count: 1000, seed: 43).order(epoch: 3),
      EpochOrder(count: 1000, seed: 42 + 1 << 32).order(epoch: 3),
    ]
    for other in others {
      let same = zip(order.order(epoch: 3), other).count { $0 == $1 }
      #expect(same < 10)
    }
  }

  /// Computed by a Python version of the description: a change would make a resumed run see other batches than the one that was stopped.
  @Test func staysTheSame() {
    #expect(EpochOrder(count: 8, seed: 42).order(epoch: 0) == [4, 2, 7, 0, 1, 6, 5, 3])
    #expect(EpochOrder(count: 8, seed: 1 << 40).order(epoch: 7) == [0, 2, 1, 6, 5, 4, 7, 3])
  }

  @Test func withoutShufflingInOrder() {
    #expect(EpochOrder(count: 5, seed: 1, shuffle: false).order(epoch: 9) == [0, 1, 2, 3, 4])
  }

  /// Each of the 24 permutations of four samples comes up equally often: chi-square with 23 degrees of freedom, 1 in 10,000.
  @Test func isUniform() {
    var counts: [[Int32]: Int] = [:]
    let order = EpochOrder(count: 4, seed: 7)
    for epoch in 0..<24_000 { counts[order.order(epoch: epoch), default: 0] += 1 }
    #expect(counts.count == 24)
    let chiSquare = counts.values.reduce(0.0) { $0 + Double(($1 - 1000) * ($1 - 1000)) / 1000 }
    #expect(chiSquare < 56.0)
  }

  private struct Case: Decodable {
    let count: Int
    let seed: UInt64
    let epoch: Int
    let block: Int?
    let order: [Int32]
  }

  /// By samples and by blocks, from `Reference/orders.py`.
  @Test func isThatOfTheDescription() throws {
    let cases: [Case] = try Reference.load("orders.json")
    #expect(cases.count == 6)
    for item in cases {
      let order = EpochOrder(count: item.count, seed: item.seed, block: item.block)
      #expect(order.order(epoch: item.epoch) == item.order)
    }
  }

  /// Samples of 16 blocks come together, and every sample once.
  @Test(arguments: [(1000, 7), (1000, 1), (3, 10), (1, 1), (0, 5), (4096, 64)])
  func blocksStayTogether(_ count: Int, _ block: Int) {
    for epoch in 0..<3 {
      let order = EpochOrder(count: count, seed: 3, block: block).order(epoch: epoch)
      #expect(order.sorted().elementsEqual(0..<Int32(count)))
      let together = 16 * block
      var left = Set(0..<(count + block - 1) / block)
      for start in stride(from: 0, to: count - count % together, by: together) {
        // The short block makes the stretch with it shorter: those after it begin earlier.
        let blocks = Set(order[start..<start + together].map { Int($0) / block })
        if count % block == 0 { #expect(blocks.count == 16 && blocks.isSubset(of: left)) }
        left.subtract(blocks)
      }
    }
    let plain = EpochOrder(count: 5, seed: 1, shuffle: false, block: 2).order(epoch: 9)
    #expect(plain == [0, 1, 2, 3, 4])
  }
}
