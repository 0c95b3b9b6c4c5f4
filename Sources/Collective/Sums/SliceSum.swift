import CMPI

/// A slice on its way through `SumRounds`: messages that have been started, and additions when they have come. Nothing is allocated once a
/// way was gone.
final class SliceSum {
  /// What lies in memory: numbers of one type, or doubles and floats one after the other that travel together.
  struct Layout: Hashable {
    /// Bytes of what ranges count.
    var width: Int
    var count: Int
    /// Doubles before the floats, where the width is a float's.
    var doubles = 0
    /// Whether it is small enough to travel in one piece.
    var isWhole = false
  }

  private unowned let group: MPI
  /// The rank of each member.
  private let members: [Int]
  private let member: Int
  private let tree: RankTree
  private let scratch: UnsafeMutableRawBufferPointer
  private let tag: CInt
  private var plans: [Layout: SumRounds] = [:]
  // Of the slice on its way.
  private var plan: [SumRounds.MessageRound] = []
  private var layout = Layout(width: 4, count: 0)
  private var base: UnsafeMutableRawPointer?
  private var round = 0
  private var requests: [cmpi_request] = []
  private var done = 0

  /// - tree: of the members; only one slice at a time adds with it.
  /// - number: of slices that are on their way at the same time, this one's.
  /// - longest: bytes of a slice.
  init(_ group: MPI, members: [Int], member: Int, tree: RankTree, number: Int, longest: Int) {
    self.group = group
    self.members = members
    self.member = member
    self.tree = tree
    scratch = .allocate(byteCount: longest + 8 * members.count, alignment: 64)
    // Between two members the messages of a slice have one order; 0 is the tag of other messages.
    tag = CInt(1 + number)
  }

  deinit { scratch.deallocate() }

  /// - base: where the slice lies; the sum comes there.
  func begin(_ base: UnsafeMutableRawPointer, _ layout: Layout) throws {
    self.base = base
    self.layout = layout
    plan = rounds(layout)
    round = 0
    try startRound()
  }

  /// Does what can be done now.
  /// - Returns: whether anything could.
  func advance() throws -> Bool {
    var hasMoved = false
    while round < plan.count, try areDone() {
      add(plan[round].addition)
      round += 1
      try startRound()
      hasMoved = true
    }
    return hasMoved
  }

  var isFinished: Bool { round == plan.count }

  private func rounds(_ layout: Layout) -> [SumRounds.MessageRound] {
    if let known = plans[layout] { return known.rounds }
    let way = SumRounds.way(
      members: members.count, bytes: layout.width * layout.count, isWhole: layout.isWhole)
    let made = SumRounds(tree, member: member, count: layout.count, way)
    plans[layout] = made
    return made.rounds
  }

  private func startRound() throws {
    requests.removeAll(keepingCapacity: true)
    done = 0
    guard round < plan.count, let base else { return }
    for receive in plan[round].receives {
      let target = receive.scratch.map { scratch.baseAddress! + $0 * layout.width } ?? at(receive.range, base)
      try eachMessage(of: receive) { offset, bytes, request in
        try group.check(
          "MPI_Irecv",
          cmpi_start_receive(group.group, target + offset, bytes, CInt(members[receive.peer]), tag, &request))
      }
    }
    for send in plan[round].sends {
      try eachMessage(of: send) { offset, bytes, request in
        try group.check(
          "MPI_Isend",
          cmpi_start_send(
            group.group, at(send.range, base) + offset, bytes, CInt(members[send.peer]), tag, &request))
      }
    }
  }

  private func at(_ range: Range<Int>, _ base: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    base + range.lowerBound * layout.width
  }

  /// The messages of a transfer: their places in it, their bytes, what they are known by.
  private func eachMessage(
    of transfer: SumRounds.Transfer, _ start: (Int, CInt, inout cmpi_request) throws -> Void
  ) throws {
    let bytes = transfer.range.count * layout.width
    let count = Self.messages(bytes: bytes)
    for message in 0..<count {
      let part = equalPart(message, of: bytes, among: count)
      requests.append(cmpi_request(handle: nil))
      try start(part.lowerBound, CInt(part.count), &requests[requests.count - 1])
    }
  }

  /// How many messages so many bytes are. Long ones are announced, and sent when the receiver has said so: what is not much longer goes in
  /// some that are not, as fast as the network takes them.
  private static func messages(bytes: Int) -> Int {
    bytes >= announced && !isAnnounced(bytes: bytes) ? (2 * bytes + announced - 1) / announced : 1
  }

  static func isAnnounced(bytes: Int) -> Bool { bytes > 4 * announced }

  /// Bytes from which on a library announces a message: Open MPI's limit over TCP, and much as that of others.
  private static let announced = 1 << 16

  private func areDone() throws -> Bool {
    while done < requests.count {
      var flag: CInt = 0
      try group.check("MPI_Test", cmpi_test(&requests[done], &flag))
      if flag == 0 { return false }
      done += 1
    }
    return true
  }

  private func add(_ addition: SumRounds.Addition) {
    switch addition {
    case .none: break
    case .pair(let range):
      if layout.width == 8 {
        add(Double.self, range, at: 0)
      } else {
        // What has doubles is not cut.
        if layout.doubles > 0 { add(Double.self, 0..<layout.doubles, at: 0) }
        let floats = max(range.lowerBound - 2 * layout.doubles, 0)..<range.upperBound - 2 * layout.doubles
        add(Float.self, floats, at: 8 * layout.doubles)
      }
    case .all(let range):
      if layout.width == 8 { addAll(Double.self, range) } else { addAll(Float.self, range) }
    }
  }

  private func add<Value: FloatingPoint>(_ type: Value.Type, _ range: Range<Int>, at offset: Int) {
    let own = (base! + offset).assumingMemoryBound(to: type) + range.lowerBound
    let other = (scratch.baseAddress! + offset).assumingMemoryBound(to: type) + range.lowerBound
    Collective.add(UnsafePointer(own), UnsafePointer(other), range.count, into: own)
  }

  private func addAll<Value: FloatingPoint>(_ type: Value.Type, _ range: Range<Int>) {
    let own = base!.assumingMemoryBound(to: type) + range.lowerBound
    let rows = scratch.baseAddress!.assumingMemoryBound(to: type)
    tree.sum(range.count, into: own) { [member] in
      UnsafePointer($0 == member ? own : rows + $0 * range.count)
    }
  }
}
