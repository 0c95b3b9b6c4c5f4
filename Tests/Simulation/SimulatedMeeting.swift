import Collective
import Diagnostics

/// Where the calls of one group of simulated ranks meet, each by its number.
final class SimulatedMeeting: @unchecked Sendable {
  enum Kind: Equatable {
    case broadcast(root: Int, count: Int)
    case sum(floats: Int, doubles: Int)
    case gather, exchange, barrier
    case part(Range<Int>)
  }
  /// What a rank has brought.
  struct Arrival {
    var fiber: Scheduler.Fiber?
    var floats = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
    var doubles = UnsafeMutableBufferPointer<Double>(start: nil, count: 0)
    var bytes: [UInt8] = []
    var outgoing = UnsafeRawBufferPointer(start: nil, count: 0)
    var outgoingParts: [Range<Int>] = []
    var incoming = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    var incomingParts: [Range<Int>] = []
  }
  final class Round {
    let kind: Kind
    var arrivals: [Int: Arrival] = [:]
    /// Ranks that may leave, from when on.
    var leaves: [Int: UInt64] = [:]
    var gathered: [[UInt8]] = []
    var part: SimulatedMeeting?
    var left = 0
    var isDone = false

    init(_ kind: Kind) { self.kind = kind }
  }

  let world: SimulatedWorld
  let members: [SimulatedProcess]
  private var rounds: [Int: Round] = [:]

  init(_ world: SimulatedWorld, _ members: [SimulatedProcess]) {
    (self.world, self.members) = (world, members)
  }

  /// Enters a call; what it gives is there when `isOver` says so.
  func enter(_ number: Int, _ kind: Kind, _ rank: Int, _ arrival: Arrival) throws -> Round {
    let round = rounds[number] ?? Round(kind)
    rounds[number] = round
    guard round.kind == kind else {
      world.violated(.decisions, "rank \(members[rank].rank) makes call \(kind), others \(round.kind)")
      throw Gone()
    }
    round.arrivals[rank] = arrival
    world.scheduler.note(UInt64(number) << 8 | UInt64(rank))
    move(round)
    return round
  }

  /// Whether a rank may leave by now.
  func isOver(_ round: Round, _ rank: Int) -> Bool {
    round.leaves[rank].map { $0 <= world.scheduler.now } ?? false
  }

  func leave(_ number: Int, _ rank: Int) {
    guard let round = rounds[number] else { return }
    round.arrivals[rank]?.fiber = nil
    round.left += 1
    if round.left == members.count { rounds[number] = nil }
  }

  private func move(_ round: Round) {
    if case .broadcast(let root, _) = round.kind { return moveBroadcast(round, root) }
    guard !round.isDone, round.arrivals.count == members.count,
      !members.contains(where: { $0.isGone || world.isCut($0.host, members[0].host) })
    else { return }
    round.isDone = true
    perform(round)
    for rank in members.indices { release(round, rank) }
  }

  /// The root goes on at once; the others do when its bytes have come.
  private func moveBroadcast(_ round: Round, _ root: Int) {
    guard let given = round.arrivals[root] else { return }
    for (rank, arrival) in round.arrivals.sorted(by: { $0.key < $1.key }) where round.leaves[rank] == nil {
      guard !members[rank].isGone, rank == root || !world.isCut(members[root].host, members[rank].host)
      else { continue }
      if rank != root { arrival.incoming.copyBytes(from: given.bytes) }
      release(round, rank)
    }
  }

  private func release(_ round: Round, _ rank: Int) {
    let time = world.scheduler.dice.time(.microseconds(2)...(.microseconds(300))) + members[rank].delay
    round.leaves[rank] = world.scheduler.now + time
    if let fiber = round.arrivals[rank]?.fiber { world.scheduler.wake(fiber, in: time) }
  }

  private func perform(_ round: Round) {
    let all = members.indices.map { round.arrivals[$0]! }
    switch round.kind {
    case .sum(let floats, let doubles):
      sum(floats) { all[$0].floats.baseAddress! }
      sum(doubles) { all[$0].doubles.baseAddress! }
    case .gather: round.gathered = all.map(\.bytes)
    case .exchange:
      for (rank, into) in all.enumerated() {
        for (peer, from) in all.enumerated() {
          let (source, target) = (from.outgoingParts[rank], into.incomingParts[peer])
          precondition(source.count == target.count)
          guard !source.isEmpty else { continue }
          let place = into.incoming.baseAddress! + target.lowerBound
          memmoveBytes(place, from.outgoing.baseAddress! + source.lowerBound, source.count)
        }
      }
    case .part(let range): round.part = SimulatedMeeting(world, Array(members[range]))
    case .barrier, .broadcast: break
    }
  }

  private func sum<Value: FloatingPoint>(_ count: Int, _ values: (Int) -> UnsafeMutablePointer<Value>) {
    for index in 0..<count {
      var total = values(0)[index]
      for rank in members.indices.dropFirst() { total += values(rank)[index] }
      for rank in members.indices { values(rank)[index] = total }
    }
  }
}
