import Collective
import Diagnostics

/// Compares the parameters of all ranks now and then: they take the same steps, so any difference is a fault of a machine.
final class ReplicaCheck {
  /// Steps from one comparison to the next; 0 for none.
  private let every: Int
  private let group: any Communicator
  /// Each rank's hash in two halves: whole numbers that a double holds, so that adding the other ranks' zeros is exact.
  private let halves: UnsafeMutableBufferPointer<Double>

  init(every: Int, group: any Communicator) {
    self.every = group.size > 1 ? every : 0
    self.group = group
    halves = .allocate(capacity: 2 * group.size)
  }

  deinit { halves.deallocate() }

  /// Whether the parameters are compared after this step.
  /// - steps: since ranks last met.
  func isDue(_ step: Int, steps: Int) -> Bool { every > 0 && step / every > (step - steps) / every }

  /// Throws the same on all ranks where the parameters are not the same after this step.
  func stepEnded(_ step: Int, steps: Int = 1, _ parameters: UnsafeMutableBufferPointer<Float>) throws {
    guard isDue(step, steps: steps) else { return }
    halves.update(repeating: 0)
    let hash = fastHash(UnsafeRawBufferPointer(parameters))
    halves[2 * group.rank] = Double(hash >> 32)
    halves[2 * group.rank + 1] = Double(hash & 0xffff_ffff)
    try group.allReduceSum(halves)
    if let rank = (1..<group.size).first(where: { !areEqual($0, 0) }) { throw try failure(step, rank) }
  }

  private func areEqual(_ a: Int, _ b: Int) -> Bool {
    halves[2 * a] == halves[2 * b] && halves[2 * a + 1] == halves[2 * b + 1]
  }

  /// Names the ranks that differ from most others, where there are most others.
  private func failure(_ step: Int, _ first: Int) throws -> Failure {
    let ranks = 0..<group.size
    let hosts = try group.hostNames()
    let counts = ranks.map { rank in ranks.count { areEqual($0, rank) } }
    let most = counts.max()!
    let healthy = counts.firstIndex(of: most)!
    let isClear = 2 * most > group.size
    let others = ranks.filter { isClear ? !areEqual($0, healthy) : counts[$0] < most || !areEqual($0, 0) }
    let names = others.map { "rank \($0) on \(hosts[$0])" }.joined(separator: ", ")
    let what =
      isClear
      ? "\(names): its parameters are not those of the other ranks"
      : "\(names) and rank 0 on \(hosts[0]): their parameters differ"
    return Failure(
      .internalError,
      "\(what) at step \(step), although all took the same steps: a fault of memory or processor. "
        + "Check that machine, and go on from a checkpoint with --resume")
  }
}

/// A hash of 64 bits at about the speed of memory. Any change within eight bytes that lie together gives another one;
/// it is no protection against a forger.
package func fastHash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
  let prime: UInt64 = 0x9e37_79b9_7f4a_7c15
  // Eight chains side by side: a multiplication takes longer than the next ones' start.
  var chains = SIMD8<UInt64>(1, 2, 3, 4, 5, 6, 7, 8)
  let whole = bytes.count & ~63
  for start in stride(from: 0, to: whole, by: 64) {
    chains = (chains ^ bytes.loadUnaligned(fromByteOffset: start, as: SIMD8<UInt64>.self)) &* prime
  }
  var hash = UInt64(bytes.count)
  // Multiplying by an odd number loses nothing, but carries bits only upwards: turn them between.
  func add(_ word: UInt64) {
    hash = (hash ^ word) &* prime
    hash ^= hash >> 29
  }
  for index in 0..<8 { add(chains[index]) }
  for index in whole..<bytes.count { add(UInt64(bytes[index])) }
  return hash
}
