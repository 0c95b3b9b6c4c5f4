import Diagnostics

/// One rank of a group of threads in one process. For tests: same calls, same results, no launcher.
///
///     let sums = try Threaded.withRanks(3) { group in
///       var value: [Float] = [Float(group.rank)]
///       try value.withUnsafeMutableBufferPointer { try group.allReduceSum($0) }
///       return value[0]
///     }  // [3, 3, 3]
package final class Threaded: Communicator {
  package let rank: Int
  package let hostName: String
  package var progress: RankProgress?
  package var leavesProcessor: Bool {
    get { false }
    set {}
  }
  package var size: Int { meeting.size }
  package var localRank: Int { rank }
  package var localSize: Int { size }
  let meeting: Meeting
  private let groupNumber: Int
  private var startedBroadcasts = 0
  private lazy var tree = RankTree(size: size)

  init(rank: Int, meeting: Meeting, groupNumber: Int = 0) {
    self.rank = rank
    self.meeting = meeting
    self.groupNumber = groupNumber
    hostName = localHostName()
  }
}

extension Threaded {
  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
    try together(.broadcast, bytes) { all in
      precondition(all[root].count == bytes.count, "broadcast: ranks gave buffers of different sizes")
      if rank != root { bytes.copyMemory(from: UnsafeRawBufferPointer(all[root])) }
    }
  }

  package func allReduceSum(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>
  ) throws {
    try sum(values)
    try sum(sums)
  }

  package func startBroadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws -> PendingCall {
    defer { startedBroadcasts += 1 }
    guard rank != root else {
      if size > 1 { meeting.post(startedBroadcasts, [UInt8](bytes)) }
      return FinishedCall()
    }
    return PendingPost(meeting, startedBroadcasts, bytes) { [self] entering in
      if entering {
        progress?.enter(.broadcast, group: groupNumber)
      } else {
        progress?.leave(group: groupNumber)
      }
    }
  }

  package func part(_ members: Range<Int>) throws -> (any Communicator)? {
    let number = progress?.addGroup(members) ?? 0
    let meeting = rank == members.lowerBound ? meeting.part(size: members.count) : nil
    let address = meeting.map { Int(bitPattern: Unmanaged.passUnretained($0).toOpaque()) } ?? 0
    let addresses = try allGather(address.bytes)
    // The one who made it holds it until all have taken it.
    defer { withExtendedLifetime(meeting) {} }
    var part: Threaded?
    if members.contains(rank),
      let address = UnsafeRawPointer(bitPattern: Int(bytes: addresses[members.lowerBound]))
    {
      let shared = Unmanaged<Meeting>.fromOpaque(address).takeUnretainedValue()
      part = Threaded(rank: rank - members.lowerBound, meeting: shared, groupNumber: number)
      part?.progress = progress
    }
    try barrier()
    return part
  }

  package func allGather(_ part: [UInt8]) throws -> [[UInt8]] {
    var part = part
    return try part.withUnsafeMutableBytes { part in
      try together(.allGather, part) { all in all.map { [UInt8]($0) } }
    }
  }

  package func exchange(
    _ outgoing: UnsafeRawBufferPointer, _ outgoingParts: [Range<Int>],
    into incoming: UnsafeMutableRawBufferPointer, _ incomingParts: [Range<Int>]
  ) throws {
    try together(.exchange, .init(mutating: outgoing), outgoingParts) { all, parts in
      for peer in 0..<size {
        copy(.init(all[peer]), parts[peer][rank], into: incoming, incomingParts[peer])
      }
    }
  }

  package func barrier() throws { try together(.barrier, .init(start: nil, count: 0)) { _ in } }
  package func finish() throws { try barrier() }

  package func abort(reason: String, code: Int32) -> Never {
    Solo().abort(reason: "\(place): \(reason)", code: code)
  }

  /// Every rank adds one slice of all buffers and writes the sum to all of them.
  private func sum<Value: BinaryFloatingPoint>(_ values: UnsafeMutableBufferPointer<Value>) throws {
    try together(.allReduce, .init(values)) { all in
      precondition(
        all.allSatisfy { $0.count == all[rank].count }, "allReduceSum: ranks gave different counts")
      let own = equalPart(rank, of: values.count, among: size)
      let parts = all.compactMap { $0.bindMemory(to: Value.self).baseAddress.map { $0 + own.lowerBound } }
      guard !own.isEmpty else { return }
      tree.sum(own.count, into: parts[0]) { UnsafePointer(parts[$0]) }
      for part in parts.dropFirst() { part.update(from: parts[0], count: own.count) }
    }
  }

  /// Shows this rank's buffer to all, runs `body` once every rank has shown its own, and returns when all are through.
  private func together<Result>(
    _ call: RankProgress.CollectiveCall, _ bytes: UnsafeMutableRawBufferPointer, _ parts: [Range<Int>] = [],
    _ body: ([UnsafeMutableRawBufferPointer], [[Range<Int>]]) throws -> Result
  ) throws -> Result {
    progress?.enter(call, group: groupNumber)
    defer { progress?.leave(group: groupNumber) }
    try meeting.show(bytes, parts, from: rank)
    let result = try body(meeting.buffers, meeting.parts)
    try meeting.arrive()
    return result
  }

  private func together<Result>(
    _ call: RankProgress.CollectiveCall, _ bytes: UnsafeMutableRawBufferPointer,
    _ body: ([UnsafeMutableRawBufferPointer]) throws -> Result
  ) throws -> Result {
    try together(call, bytes) { all, _ in try body(all) }
  }
}
