import Collective
import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

func memmoveBytes(_ to: UnsafeMutableRawPointer, _ from: UnsafeRawPointer, _ count: Int) {
  memmove(to, from, count)
}
func pthreadDetach(_ thread: pthread_t) { pthread_detach(thread) }

/// One simulated rank's end of a group: calls take virtual time, and one of a group that misses a rank takes for ever, as MPI's do.
final class SimulatedGroup: Communicator, @unchecked Sendable {
  let rank: Int
  let process: SimulatedProcess
  private let meeting: SimulatedMeeting
  private let number: Int
  private var calls = 0
  var progress: RankProgress?
  var leavesProcessor = false

  init(rank: Int, _ process: SimulatedProcess, _ meeting: SimulatedMeeting, number: Int = 0) {
    (self.rank, self.process, self.meeting, self.number) = (rank, process, meeting, number)
    progress = process.progress
  }

  var size: Int { meeting.members.count }
  var hostName: String { SimulatedWorld.hostName(process.host) }
  private var neighbours: [Int] {
    meeting.members.indices.filter { meeting.members[$0].host == process.host }
  }
  var localRank: Int { neighbours.firstIndex(of: rank)! }
  var localSize: Int { neighbours.count }

  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
    _ = try call(.broadcast, .broadcast(root: root, count: bytes.count), broadcast(bytes, root))
  }

  private func broadcast(_ bytes: UnsafeMutableRawBufferPointer, _ root: Int) -> SimulatedMeeting.Arrival {
    SimulatedMeeting.Arrival(bytes: rank == root ? Array(bytes) : [], incoming: bytes)
  }

  func allReduceSum(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>
  ) throws {
    let own = sums.isEmpty ? [] : Array(sums)
    _ = try call(
      .allReduce, .sum(floats: values.count, doubles: sums.count), .init(floats: values, doubles: sums))
    meeting.world.decidesAlone(process, own, sums, ranks: size)
  }

  func startBroadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws -> PendingCall {
    let round = try meeting.enter(
      calls, .broadcast(root: root, count: bytes.count), rank, broadcast(bytes, root))
    defer { calls += 1 }
    return PendingRound(self, round, calls, isRoot: rank == root)
  }

  func allGather(_ part: [UInt8]) throws -> [[UInt8]] {
    try call(.allGather, .gather, .init(bytes: part)).gathered
  }

  func exchange(
    _ outgoing: UnsafeRawBufferPointer, _ outgoingParts: [Range<Int>],
    into incoming: UnsafeMutableRawBufferPointer, _ incomingParts: [Range<Int>]
  ) throws {
    _ = try call(
      .exchange, .exchange,
      .init(
        outgoing: outgoing, outgoingParts: outgoingParts, incoming: incoming, incomingParts: incomingParts))
  }

  func barrier() throws { _ = try call(.barrier, .barrier, .init()) }
  func finish() throws { try barrier() }

  func part(_ members: Range<Int>) throws -> (any Communicator)? {
    let number = process.progress.addGroup(members)
    let round = try call(.split, .part(members), .init())
    guard members.contains(rank), let part = round.part else { return nil }
    return SimulatedGroup(rank: rank - members.lowerBound, process, part, number: number)
  }

  func abort(reason: String, code: Int32) throws -> Never {
    if process.isGone { throw Gone() }
    process.failure = process.failure ?? Failure(Failure.Kind(rawValue: code) ?? .internalError, reason)
    process.end(.code(code))
    throw Gone()
  }

  private func call(
    _ name: RankProgress.CollectiveCall, _ kind: SimulatedMeeting.Kind, _ arrival: SimulatedMeeting.Arrival
  ) throws -> SimulatedMeeting.Round {
    if process.isGone { throw Gone() }
    progress?.enter(name, group: number)
    process.enteredAt = process.scheduler.now
    defer { progress?.leave(group: number) }
    var arrival = arrival
    arrival.fiber = process.scheduler.current
    let number = calls
    calls += 1
    let round = try meeting.enter(number, kind, rank, arrival)
    while !meeting.isOver(round, rank) {
      if let time = round.leaves[rank] {
        try process.pass(time - process.scheduler.now)
      } else {
        try process.wait()
      }
    }
    meeting.leave(number, rank)
    return round
  }

  /// A broadcast that was started.
  private final class PendingRound: PendingCall {
    private let group: SimulatedGroup
    private let round: SimulatedMeeting.Round
    private let number: Int
    private var isDone: Bool

    init(_ group: SimulatedGroup, _ round: SimulatedMeeting.Round, _ number: Int, isRoot: Bool) {
      (self.group, self.round, self.number, isDone) = (group, round, number, isRoot)
      if isRoot { group.meeting.leave(number, group.rank) }
    }

    func advance() throws -> Bool {
      if group.process.isGone { throw Gone() }
      if !isDone, group.meeting.isOver(round, group.rank) {
        isDone = true
        group.meeting.leave(number, group.rank)
      }
      return isDone
    }

    func wait() throws { try wait(pausing: 1000) {} }

    func wait(pausing microseconds: UInt32, _ meanwhile: () throws -> Void) throws {
      if try advance() { return }
      group.progress?.enter(.broadcast, group: group.number)
      group.process.enteredAt = group.process.scheduler.now
      defer { group.progress?.leave(group: group.number) }
      while try !advance() {
        try group.process.pass(max(.microseconds(UInt64(microseconds)), .milliseconds(20)))
        try meanwhile()
      }
    }
  }
}
