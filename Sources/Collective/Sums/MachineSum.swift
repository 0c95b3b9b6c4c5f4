import Diagnostics
import Synchronization

/// Sums over ranks of one machine, through memory that all of them see: no call of MPI, no lock, nothing allocated after `init`.
///
/// A message travels in pieces. Each rank copies its piece into its slot and says so; small ones every rank then adds
/// for itself, of large ones each rank adds one slice in its slot, from which the others copy. Slots are used in turns of two: who has
/// seen that all have given the next piece knows that all are done with this one.
final class MachineSum {
  private let memory: SharedMemory
  private let rank: Int
  private let size: Int
  private let tree: RankTree
  private let patience: Patience
  private var round: UInt64 = 0
  /// By rank: the last round whose piece lies in its slot, and whose slice it has added.
  private let given: UnsafeMutablePointer<Atomic<UInt64>>
  private let added: UnsafeMutablePointer<Atomic<UInt64>>
  private let slots: UnsafeMutableRawPointer

  /// Bytes of a piece: those of all ranks should stay in a cache.
  static let piece = 1 << 18
  /// Where all pieces together are smaller, every rank adds all of them.
  private static let small = 1 << 16
  /// Counters of two ranks never share a cache line, nor two that are fetched together.
  private static let line = 128
  private static let stride = line / MemoryLayout<UInt64>.stride

  static func bytes(ranks: Int) -> Int { 2 * ranks * (line + piece) }

  /// - memory: zeros, `bytes(ranks:)` of them, the same on all ranks.
  init(_ memory: SharedMemory, rank: Int, size: Int, patience: Patience) {
    self.memory = memory
    self.rank = rank
    self.size = size
    self.patience = patience
    tree = RankTree(size: size)
    let counters = 2 * size * Self.stride
    given = memory.base.bindMemory(to: Atomic<UInt64>.self, capacity: counters)
    added = given + size * Self.stride
    slots = memory.base + 2 * size * Self.line
  }

  /// Leaves the sums in place on every rank.
  func sum(_ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>) {
    var (value, sum) = (0, 0)
    while value < values.count || sum < sums.count {
      let lastSum = min(sums.count, sum + Self.piece / 8)
      let lastValue = min(values.count, value + (Self.piece - 8 * (lastSum - sum)) / 4)
      sumPiece(.init(rebasing: values[value..<lastValue]), .init(rebasing: sums[sum..<lastSum]))
      (value, sum) = (lastValue, lastSum)
    }
  }

  private func sumPiece(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>
  ) {
    round += 1
    copy(sums, to: doubles(of: rank))
    copy(values, to: floats(of: rank, after: sums.count))
    tell(given)
    wait(for: given)
    if let target = sums.baseAddress { tree.sum(sums.count, into: target) { UnsafePointer(doubles(of: $0)) } }
    guard let target = values.baseAddress else { return }
    if size * (4 * values.count + 8 * sums.count) <= Self.small {
      tree.sum(values.count, into: target) { UnsafePointer(floats(of: $0, after: sums.count)) }
    } else {
      sumSlices(values.count, into: target, after: sums.count)
    }
  }

  private func sumSlices(_ count: Int, into target: UnsafeMutablePointer<Float>, after sums: Int) {
    let own = equalPart(rank, of: count, among: size)
    tree.sum(own.count, into: floats(of: rank, after: sums) + own.lowerBound) {
      UnsafePointer(floats(of: $0, after: sums) + own.lowerBound)
    }
    tell(added)
    wait(for: added)
    for peer in 0..<size {
      let part = equalPart(peer, of: count, among: size)
      (target + part.lowerBound).update(
        from: floats(of: peer, after: sums) + part.lowerBound, count: part.count)
    }
  }

  private func copy<Value>(_ values: UnsafeMutableBufferPointer<Value>, to slot: UnsafeMutablePointer<Value>)
  {
    if let base = values.baseAddress { slot.update(from: base, count: values.count) }
  }

  /// What a rank gives in this round.
  private func doubles(of rank: Int) -> UnsafeMutablePointer<Double> {
    let slot = Int(round & 1) * size + rank
    return (slots + slot * Self.piece).assumingMemoryBound(to: Double.self)
  }

  private func floats(of rank: Int, after sums: Int) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer(doubles(of: rank) + sums).assumingMemoryBound(to: Float.self)
  }

  private func tell(_ counters: UnsafeMutablePointer<Atomic<UInt64>>) {
    counters[rank * Self.stride].store(round, ordering: .releasing)
  }

  private func wait(for counters: UnsafeMutablePointer<Atomic<UInt64>>) {
    for peer in 0..<size where peer != rank {
      patience.wait { counters[peer * Self.stride].load(ordering: .acquiring) >= round }
    }
  }
}

extension MachineSum {
  /// Of a group whose ranks share one machine. All ranks make this call.
  convenience init?(_ group: MPI, _ placement: Placement) throws {
    guard placement.machines.count == 1, group.size > 1 else { return nil }
    guard let memory = try group.sharedMemory(placement, bytes: Self.bytes(ranks: group.size)) else {
      return nil
    }
    self.init(memory, rank: group.rank, size: group.size, patience: group.patience)
  }
}

extension MPI {
  /// Memory that the ranks of each machine see, all zeros; nil on all ranks of all machines where one can't see it. All ranks make
  /// this call.
  func sharedMemory(_ placement: Placement, bytes: Int) throws -> SharedMemory? {
    let (machine, local) = placement.place(of: rank)
    // Containers may hide processes of one machine from each other: try it out, with a mark none else has.
    var memory = local == 0 ? try? SharedMemory(size: bytes) : nil
    let mark = UInt64.random(in: 1 ... .max)
    memory?.word = mark
    let offers = try allGather(memory.map { [UInt8]("\($0.address) \(mark)".utf8) } ?? [])
    let offer = offers[placement.machines[machine][0]]
    let words = String(decoding: offer, as: UTF8.self).split(separator: " ").map(String.init)
    if words.count == 2, memory == nil { memory = try? SharedMemory(address: words[0], size: bytes) }
    let seen = try allGather([
      memory?.word == words.last.flatMap { UInt64($0) } && memory != nil ? 1 : 0
    ])
    memory?.closeFile()
    guard seen.allSatisfy({ $0 == [1] }) else { return nil }
    // Until here others may have looked at the mark.
    if local == 0 { memory!.word = 0 }
    try barrier()
    return memory
  }
}
