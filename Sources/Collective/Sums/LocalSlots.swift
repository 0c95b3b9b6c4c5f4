import Diagnostics
import Synchronization

/// Where the ranks of a machine put pieces of a message for each other, and how far each of them is: no lock, nothing allocated.
///
/// Slots are used in turns: a rank gives a piece once all have taken the one that lay there.
final class LocalSlots {
  /// This rank's place among those of its machine, and how many they are.
  let place: Int
  let count: Int
  // Pieces of the message that this rank has given, has begun to add, has added, has taken.
  private(set) var given = 0
  var begun = 0
  private(set) var added = 0
  private(set) var taken = 0
  /// Pieces of all messages before.
  private var before = 0

  private let memory: SharedMemory?
  private let base: UnsafeMutableRawPointer
  private let slotBytes: Int
  private let counters: UnsafeMutablePointer<Atomic<UInt64>>

  private enum SlotCounter: Int, CaseIterable { case given, added, taken }
  /// Counters of two ranks never share a cache line, nor two that are fetched together.
  private static let line = 128

  static func bytes(ranks: Int, slotBytes: Int, turns: Int) -> Int {
    ranks * (SlotCounter.allCases.count * line + turns * slotBytes)
  }

  /// - memory: zeros, `bytes` of them, the same on all ranks of the machine; nil for one rank that has its machine to itself.
  init(_ memory: SharedMemory?, place: Int, count: Int, slotBytes: Int, turns: Int) {
    (self.place, self.count, self.slotBytes, self.memory) = (place, count, slotBytes, memory)
    let bytes = Self.bytes(ranks: count, slotBytes: slotBytes, turns: turns)
    base = memory?.base ?? .allocate(byteCount: bytes, alignment: Self.line)
    let head = count * SlotCounter.allCases.count * Self.line
    if memory == nil { base.initializeMemory(as: UInt8.self, repeating: 0, count: head) }
    counters = base.bindMemory(to: Atomic<UInt64>.self, capacity: head / MemoryLayout<UInt64>.stride)
  }

  deinit { if memory == nil { base.deallocate() } }

  /// Where a rank's piece of a turn lies.
  func slot(_ turn: Int, _ place: Int) -> UnsafeMutableRawPointer {
    base + count * SlotCounter.allCases.count * Self.line + (turn * count + place) * slotBytes
  }

  /// The turn of one of the message's pieces.
  func turn(_ index: Int, of turns: Int) -> Int { (before + index) % turns }

  /// Whether the slot of the next piece is free.
  func canGive(turns: Int) -> Bool { all(0..<count, .taken, before + given + 1 - turns) }
  /// Whether all have given the piece that is to be added next.
  var isGiven: Bool { all(0..<count, .given, before + begun + 1) }
  /// Whether the first so many ranks have added the piece that is to be taken next.
  func isAdded(by ranks: Int) -> Bool { all(0..<ranks, .added, before + taken + 1) }

  func tellGiven() {
    given += 1
    tell(.given, given)
  }

  func tellAdded() {
    added += 1
    tell(.added, added)
  }

  func tellTaken() {
    taken += 1
    tell(.taken, taken)
  }

  /// All pieces are another rank's to add.
  func skipAdding() { (begun, added) = (given, given) }

  /// All is done with this message.
  func nextMessage() {
    before += taken
    (given, begun, added, taken) = (0, 0, 0, 0)
    // Who had nothing to add is as far as the others.
    tell(.added, 0)
  }

  private func tell(_ counter: SlotCounter, _ pieces: Int) {
    at(place, counter).pointee.store(UInt64(before + pieces), ordering: .releasing)
  }

  private func all(_ ranks: Range<Int>, _ counter: SlotCounter, _ least: Int) -> Bool {
    ranks.allSatisfy { Int(at($0, counter).pointee.load(ordering: .acquiring)) >= least }
  }

  private func at(_ rank: Int, _ counter: SlotCounter) -> UnsafeMutablePointer<Atomic<UInt64>> {
    counters + (rank * SlotCounter.allCases.count + counter.rawValue)
      * (Self.line / MemoryLayout<UInt64>.stride)
  }
}
