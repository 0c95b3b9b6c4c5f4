import Kernels
import TestSupport
import Testing

@Suite("PyTorch's generator", .tags(.fast)) struct TorchGeneratorTests {
  struct Draws: Decodable {
    let seed: UInt64
    let uniform, scalarNormal, otherHalf, blockNormal, longNormal, shortNormal, permutation: String
  }

  /// Numbers drawn into a fresh buffer of `count`.
  func draw(_ count: Int, _ fill: (UnsafeMutableBufferPointer<Float>) -> Void) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, used in
      buffer.initialize(repeating: .nan)
      fill(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      used = count
    }
  }

  @Test func `bits of uniform, normal and randperm drawn one after the other`() throws {
    let cases: [Draws] = try Reference.load("generator.json")
    #expect(cases.count == 4)
    for expected in cases {
      var g = TorchGenerator(seed: expected.seed)
      #expect(fingerprint(draw(1999) { g.uniform($0, from: -0.37, to: 0.51) }) == expected.uniform)
      // An odd number of scalar draws leaves half a pair, which the next scalar draw starts with.
      #expect(fingerprint(draw(15) { g.normal($0) }) == expected.scalarNormal)
      #expect(fingerprint(draw(4) { g.normal($0, mean: 3, deviation: 0.1) }) == expected.otherHalf)
      #expect(fingerprint(draw(16) { g.normal($0) }) == expected.blockNormal)
      #expect(fingerprint(draw(100_003) { g.normal($0, mean: 0.3, deviation: 1.7) }) == expected.longNormal)
      #expect(fingerprint(draw(3) { g.normal($0) }) == expected.shortNormal)
      #expect(fingerprint(words: g.permutation(1000).map { UInt32($0) }) == expected.permutation)
    }
  }

  @Test func `the second randn(4) after manual_seed(42)`() {
    var g = TorchGenerator(seed: 42)
    _ = draw(4) { g.normal($0) }
    let printed = draw(4) { g.normal($0) }.map { ($0 * 10_000).rounded() / 10_000 }
    #expect(printed == [-1.1229, -0.1863, 2.2082, -0.6380])
  }
}
