import Diagnostics
import Synchronization

/// Sums over ranks of one machine, through memory that all of them see: no call of MPI, no lock, nothing allocated after `init`.
///
/// A message travels in pieces. Each rank copies its piece into its slot and says so; small ones every rank then adds for itself, of large
/// ones each rank adds one slice, and puts it into its slot, from which the others copy. The next piece is given before this one is waited for:
/// where ranks are more than processors, each of them then does more in its turn.
///
/// Slots are used in turns of three: who gives a piece has seen that all have added the second one before it, so that all have taken the third;
/// or, where that one was a small message, that all have begun it, and so are done with whatever was before.
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

  private static let turns = 3

  static func bytes(ranks: Int) -> Int { ranks * (2 * line + turns * piece) }

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

  /// What travels together.
  private struct SharedPiece {
    var values: UnsafeMutableBufferPointer<Float>
    var sums: UnsafeMutableBufferPointer<Double>
    var round: UInt64
    /// Whether it is a message that every rank adds for itself.
    var isSmall: Bool
  }

  /// Leaves the sums in place on every rank.
  func sum(_ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>) {
    let isSmall = size * (4 * values.count + 8 * sums.count) <= Self.small
    var (value, sum) = (0, 0)
    var given: SharedPiece?
    while value < values.count || sum < sums.count {
      let lastSum = min(sums.count, sum + Self.piece / 8)
      let lastValue = min(values.count, value + (Self.piece - 8 * (lastSum - sum)) / 4)
      round += 1
      let piece = SharedPiece(
        values: .init(rebasing: values[value..<lastValue]), sums: .init(rebasing: sums[sum..<lastSum]),
        round: round, isSmall: isSmall)
      give(piece)
      if let given { finish(given) }
      given = piece
      (value, sum) = (lastValue, lastSum)
    }
    if let given { finish(given) }
  }

  private func give(_ piece: SharedPiece) {
    copy(piece.sums[...], to: doubles(of: rank, piece))
    let slot = floats(of: rank, piece)
    if piece.isSmall {
      copy(piece.values[...], to: slot)
    } else {
      // The rank's own slice is read where it lies.
      let own = part(of: rank, piece)
      copy(piece.values[..<own.lowerBound], to: slot)
      copy(piece.values[own.upperBound...], to: slot + own.upperBound)
    }
    tell(given, piece)
  }

  private func finish(_ piece: SharedPiece) {
    wait(for: given, piece)
    if let target = piece.sums.baseAddress {
      tree.sum(piece.sums.count, into: target) { UnsafePointer(doubles(of: $0, piece)) }
    }
    guard piece.isSmall else { return sumSlices(piece) }
    if let target = piece.values.baseAddress {
      tree.sum(piece.values.count, into: target) { UnsafePointer(floats(of: $0, piece)) }
    }
  }

  private func sumSlices(_ piece: SharedPiece) {
    if let target = piece.values.baseAddress {
      let own = part(of: rank, piece)
      let start = target + own.lowerBound
      tree.sum(own.count, into: start) {
        UnsafePointer($0 == rank ? start : floats(of: $0, piece) + own.lowerBound)
      }
      (floats(of: rank, piece) + own.lowerBound).update(from: start, count: own.count)
    }
    tell(added, piece)
    wait(for: added, piece)
    guard let target = piece.values.baseAddress else { return }
    for peer in 0..<size where peer != rank {
      let part = part(of: peer, piece)
      (target + part.lowerBound).update(from: floats(of: peer, piece) + part.lowerBound, count: part.count)
    }
  }

  private func copy<Value>(
    _ values: Slice<UnsafeMutableBufferPointer<Value>>, to slot: UnsafeMutablePointer<Value>
  ) {
    if let base = values.base.baseAddress {
      slot.update(from: base + values.startIndex, count: values.count)
    }
  }

  /// What a rank gives of a piece.
  private func doubles(of rank: Int, _ piece: SharedPiece) -> UnsafeMutablePointer<Double> {
    let slot = Int(piece.round % UInt64(Self.turns)) * size + rank
    return (slots + slot * Self.piece).assumingMemoryBound(to: Double.self)
  }

  private func floats(of rank: Int, _ piece: SharedPiece) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer(doubles(of: rank, piece) + piece.sums.count).assumingMemoryBound(to: Float.self)
  }

  /// The slice that a rank adds.
  private func part(of rank: Int, _ piece: SharedPiece) -> Range<Int> {
    equalPart(rank, of: piece.values.count, among: size)
  }

  private func tell(_ counters: UnsafeMutablePointer<Atomic<UInt64>>, _ piece: SharedPiece) {
    counters[rank * Self.stride].store(piece.round, ordering: .releasing)
  }

  private func wait(for counters: UnsafeMutablePointer<Atomic<UInt64>>, _ piece: SharedPiece) {
    for peer in 0..<size where peer != rank {
      patience.wait { counters[peer * Self.stride].load(ordering: .acquiring) >= piece.round }
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
