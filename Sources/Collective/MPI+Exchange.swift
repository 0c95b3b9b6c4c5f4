import CMPI

extension MPI {
  package func startBroadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws -> PendingCall {
    let pending = PendingMPICall(self)
    try pieces(bytes.count) { piece in
      let start = bytes.baseAddress! + piece.lowerBound
      let index = pending.open()
      try check(
        "MPI_Ibcast",
        cmpi_start_broadcast(group, start, CInt(piece.count), CInt(root), &pending.requests[index]))
    }
    return pending
  }

  package func allGather(_ part: [UInt8]) throws -> [[UInt8]] {
    let lengths = try entering(.allGather) {
      var lengths = [Int](repeating: 0, count: size)
      var mine = part.count
      try check("MPI_Allgather", cmpi_all_gather(group, &mine, CInt(MemoryLayout<Int>.size), &lengths))
      return lengths
    }
    let ranges = lengths.runningRanges
    var all = [UInt8](repeating: 0, count: ranges.last!.upperBound)
    all.replaceSubrange(ranges[rank], with: part)
    // What adds is being made with this call.
    try all.withUnsafeMutableBytes { try share($0, ranges, sums?.placement) }
    return ranges.map { Array(all[$0]) }
  }

  /// In `size - 1` rounds: in round s a rank gives to the one s places after it and takes from the one s places before.
  package func exchange(
    _ outgoing: UnsafeRawBufferPointer, _ outgoingParts: [Range<Int>],
    into incoming: UnsafeMutableRawBufferPointer, _ incomingParts: [Range<Int>]
  ) throws {
    copy(outgoing, outgoingParts[rank], into: incoming, incomingParts[rank])
    try entering(.exchange) {
      for shift in 1..<max(size, 1) {
        let (to, from) = ((rank + shift) % size, (rank - shift + size) % size)
        try sendReceive(
          .init(rebasing: outgoing[outgoingParts[to]]), to: to,
          .init(rebasing: incoming[incomingParts[from]]), from: from)
      }
    }
  }

  /// Where each of several machines has as many ranks, first among ranks of equal place in them, then within each: a part goes to another
  /// machine once, not once for each rank there.
  package func allGather(_ bytes: UnsafeMutableRawBufferPointer, _ parts: [Range<Int>]) throws {
    if size > 1 { try share(bytes, parts, placement()) }
  }

  private func share(
    _ bytes: UnsafeMutableRawBufferPointer, _ parts: [Range<Int>], _ placement: Placement?
  ) throws {
    let even = placement.flatMap { $0.isEven ? $0 : nil } ?? .apart(size)
    let (ranks, (machine, place)) = (even.machines, even.place(of: rank))
    func part(_ rank: Int) -> UnsafeMutableRawBufferPointer { .init(rebasing: bytes[parts[rank]]) }
    try entering(.exchange) {
      for shift in 1..<max(ranks.count, 1) {
        let (to, from) = ((machine + shift) % ranks.count, (machine - shift + ranks.count) % ranks.count)
        let source = ranks[from][place]
        try sendReceive(.init(part(rank)), to: ranks[to][place], part(source), from: source)
      }
      let local = ranks[machine]
      for shift in 1..<max(local.count, 1) {
        let (to, from) = ((place + shift) % local.count, (place - shift + local.count) % local.count)
        for other in ranks {
          try sendReceive(.init(part(other[place])), to: local[to], part(other[from]), from: local[from])
        }
      }
    }
  }

  /// Sends and receives at once, in as many messages as 32-bit counts ask for.
  private func sendReceive(
    _ out: UnsafeRawBufferPointer, to: Int, _ into: UnsafeMutableRawBufferPointer, from: Int
  ) throws {
    var position = 0
    while position < max(out.count, into.count) {
      let sent = min(max(out.count - position, 0), longestMessage)
      let received = min(max(into.count - position, 0), longestMessage)
      // Nobody sends or receives an empty message: both sides know the lengths.
      try swap(
        .init(start: out.baseAddress.map { $0 + position }, count: sent), to: to,
        .init(start: into.baseAddress.map { $0 + position }, count: received), from: from)
      position += longestMessage
    }
  }
}

/// A call on its way through `MPI_Ibcast`, in one request per piece. Open MPI moves it only inside MPI calls.
final class PendingMPICall: PendingCall {
  fileprivate(set) var requests: [cmpi_request] = []
  private let group: MPI
  private var finished = 0

  init(_ group: MPI) { self.group = group }

  fileprivate func open() -> Int {
    requests.append(cmpi_request(handle: nil))
    return requests.count - 1
  }

  func advance() throws -> Bool {
    while finished < requests.count {
      var done: CInt = 0
      try group.check("MPI_Test", cmpi_test(&requests[finished], &done))
      if done == 0 { return false }
      finished += 1
    }
    return true
  }

  func wait(pausing microseconds: UInt32, _ meanwhile: () throws -> Void) throws {
    try group.entering(.broadcast) {
      while try !advance() {
        pause(microseconds)
        try meanwhile()
      }
    }
  }

  func wait() throws {
    try group.entering(.broadcast) {
      while finished < requests.count {
        try group.check("MPI_Wait", cmpi_wait(&requests[finished]))
        finished += 1
      }
    }
  }
}
