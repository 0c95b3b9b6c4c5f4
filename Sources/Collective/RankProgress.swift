import Synchronization

/// What a rank is doing right now, in a few words that any thread may read: written by the training loop and by its
/// communicator, read by the `Watchdog`. Writing costs a few plain stores.
package final class RankProgress: Sendable {
  /// What the training loop is at.
  package enum Phase: UInt8, Sendable, CaseIterable {
    case starting, loading, forward, backward, optimizer, evaluation, checkpoint, finishing
  }

  /// Which call a rank waits in.
  package enum CollectiveCall: UInt8, Sendable, CaseIterable {
    case none, broadcast, allReduce, allGather, exchange, barrier, split
  }

  // phase in the lowest byte, step above it
  private let position = Atomic<UInt64>(0)
  // of each group: call in the lowest byte, how many calls were entered above it
  private let calls = (0..<groupCount).map { _ in Counter() }
  // above its lowest bit beats in which this process computed, or waited for a disk, outside of calls; in that bit which of the two
  private let busyBeats = Counter()
  // the ranks of each group; the first is that of all
  private let groups = Mutex<[Range<Int>]>([0..<Int.max])

  private final class Counter: Sendable {
    let value = Atomic<UInt64>(0)
    var now: UInt64 { value.load(ordering: .relaxed) }
    /// Only one thread writes: no read-modify-write needed.
    func set(_ new: UInt64) { value.store(new, ordering: .relaxed) }
  }

  /// Groups of ranks that make calls of their own, at most.
  static let groupCount = 4

  package init() {}

  /// Marks what comes next. `step` counts optimizer steps.
  package func enter(_ phase: Phase, step: Int) {
    position.store(UInt64(truncatingIfNeeded: step) << 8 | UInt64(phase.rawValue), ordering: .relaxed)
  }

  /// The number of a group of some of the ranks, the same on all of them; there are three such groups at most.
  package func addGroup(_ members: Range<Int>) -> Int {
    groups.withLock { groups in
      if let known = groups.firstIndex(of: members) { return known }
      precondition(groups.count < calls.count, "a watched program makes three parts of its group at most")
      groups.append(members)
      return groups.count - 1
    }
  }

  /// The ranks of a group.
  package func members(of group: Int) -> Range<Int> {
    groups.withLock { $0.indices.contains(group) ? $0[group] : 0..<0 }
  }

  package func enter(_ call: CollectiveCall, group: Int) {
    calls[group].set(((calls[group].now >> 8) + 1) << 8 | UInt64(call.rawValue))
  }

  package func leave(group: Int) { calls[group].set(calls[group].now & ~0xff) }

  /// Notes that this process computed since the last beat, or waited for a disk: a long phase without marks is progress too.
  package func addBusyBeat(atDisk: Bool = false) {
    busyBeats.set(((busyBeats.now >> 1) + 1) << 1 | (atDisk ? 1 : 0))
  }

  /// A copy of all that is marked.
  package var mark: Mark {
    Mark(
      position: position.load(ordering: .relaxed), busyBeats: busyBeats.now,
      calls: .init(calls[0].now, calls[1].now, calls[2].now, calls[3].now))
  }

  package struct Mark: Equatable, Sendable {
    var position: UInt64 = 0
    var busyBeats: UInt64 = 0
    var calls: SIMD4<UInt64> = .zero

    package init(position: UInt64 = 0, busyBeats: UInt64 = 0, calls: SIMD4<UInt64> = .zero) {
      (self.position, self.busyBeats, self.calls) = (position, busyBeats, calls)
    }

    package var step: Int { Int(position >> 8) }
    /// Whether the last sign of progress was a call of the file system that takes long.
    package var isAtDisk: Bool { busyBeats & 1 == 1 }
    package var phase: Phase { Phase(rawValue: UInt8(position & 0xff)) ?? .starting }
    /// The group in whose call this rank waits.
    package var waiting: Int? { calls.indices.first { calls[$0] & 0xff != 0 } }
    package var call: CollectiveCall {
      waiting.flatMap { CollectiveCall(rawValue: UInt8(calls[$0] & 0xff)) } ?? .none
    }
  }
}
