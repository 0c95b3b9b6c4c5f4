/// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
///
/// A block of four 32-bit numbers is a function of a 128-bit counter and a 64-bit key: no state, so any block can be had in any order.
package enum Philox {
  package typealias Block = SIMD4<UInt32>

  package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> Block {
    var counter = counter
    var key = key
    for round in 0..<10 {
      if round > 0 { key = key &+ SIMD2(0x9E37_79B9, 0xBB67_AE85) }
      let first = UInt32(0xD251_1F53).multipliedFullWidth(by: counter.x)
      let second = UInt32(0xCD9E_8D57).multipliedFullWidth(by: counter.z)
      counter = SIMD4(
        second.high ^ counter.y ^ key.x, second.low, first.high ^ counter.w ^ key.y, first.low)
    }
    return counter
  }
}
