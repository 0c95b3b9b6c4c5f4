import Synchronization

/// What a rank is doing right now, in a few words that any thread may read: written by the training loop and by its
/// communicator, read by the `Watchdog`. Writing costs a few plain stores.
public final class RankProgress: Sendable {
  /// What the training loop is at.
  public enum Phase: UInt8, Sendable, CaseIterable {
    case starting, loading, forward, backward, optimizer, evaluation, checkpoint, finishing
  }

  /// Which call a rank waits in.
  public enum Call: UInt8, Sendable, CaseIterable {
    case none, broadcast, allReduce, allGather, exchange, barrier
  }

  // phase in the lowest byte, step above it
  private let position = Atomic<UInt64>(0)
  // call in the lowest byte, how many calls were entered above it
  private let calls = Atomic<UInt64>(0)
  // beats in which this process computed outside of calls
  private let busyBeats = Atomic<UInt64>(0)

  public init() {}

  /// Marks what comes next. `step` counts optimizer steps.
  public func enter(_ phase: Phase, step: Int) {
    position.store(UInt64(truncatingIfNeeded: step) << 8 | UInt64(phase.rawValue), ordering: .relaxed)
  }

  func enter(_ call: Call) {
    // Only the owner of the communicator writes: no read-modify-write needed.
    let count = (calls.load(ordering: .relaxed) >> 8) + 1
    calls.store(count << 8 | UInt64(call.rawValue), ordering: .relaxed)
  }

  func leave() { calls.store(calls.load(ordering: .relaxed) & ~0xff, ordering: .relaxed) }

  /// Notes that this process computed since the last beat: a long phase without marks is progress too.
  func addBusyBeat() { busyBeats.store(busyBeats.load(ordering: .relaxed) + 1, ordering: .relaxed) }

  /// A copy of all that is marked.
  var mark: Mark {
    Mark(
      position: position.load(ordering: .relaxed), calls: calls.load(ordering: .relaxed),
      busyBeats: busyBeats.load(ordering: .relaxed))
  }

  struct Mark: Equatable, Sendable {
    var position: UInt64 = 0
    var calls: UInt64 = 0
    var busyBeats: UInt64 = 0

    var step: Int { Int(position >> 8) }
    var phase: Phase { Phase(rawValue: UInt8(position & 0xff)) ?? .starting }
    /// How many calls this rank has entered.
    var callCount: UInt64 { calls >> 8 }
    var call: Call { Call(rawValue: UInt8(calls & 0xff)) ?? .none }
    var isWaiting: Bool { call != .none }
  }
}
