/// What a rank tells of itself and of those that report through it. Its size does not grow with their number.
///
/// Times are ages: nobody's clock is compared with another's.
package struct SubtreeReport: Equatable, Sendable {
  /// Of the calls of one group of ranks.
  package struct GroupCalls: Equatable, Sendable {
    /// Milliseconds since the longest of the calls that somebody waits in was entered; nil where nobody waits.
    package var waited: UInt32?
    /// Which call that is, and at which step.
    package var call = RankProgress.CollectiveCall.none
    package var step = 0
    /// Milliseconds since a member showed a sign of progress.
    package var sign = UInt32.max
  }
  /// A rank that waits in no call: others may wait for it.
  package struct MovingRank: Equatable, Sendable {
    package var rank: Int
    package var position: UInt64
    /// Whether it was in a call of the file system.
    package var isAtDisk: Bool
    package var sign: UInt32
    /// Milliseconds since it was at that: a report that other ranks hand on is older than its last message.
    package var seen: UInt32

    package init(rank: Int, position: UInt64, isAtDisk: Bool, sign: UInt32, seen: UInt32 = 0) {
      (self.rank, self.position, self.isAtDisk) = (rank, position, isAtDisk)
      (self.sign, self.seen) = (sign, seen)
    }
  }
  /// A rank that is not heard, with all that report through it.
  package struct MissingSubtree: Equatable, Sendable {
    package var rank: Int
    /// Whether it was heard before.
    package var wasHeard: Bool

    package init(rank: Int, wasHeard: Bool) { (self.rank, self.wasHeard) = (rank, wasHeard) }
  }

  /// Of each list, that many: those longest without a sign first.
  package static let most = 8

  package var groups = [GroupCalls](repeating: GroupCalls(), count: RankProgress.groupCount)
  package var moving: [MovingRank] = []
  package var missing: [MissingSubtree] = []

  package init() {}

  /// One rank's own.
  /// - changed, waited: milliseconds since its mark changed, and since it entered the call it waits in.
  /// - seen: milliseconds since the mark was taken.
  /// - isMember: whether it belongs to a group.
  init(
    rank: Int, _ mark: RankProgress.Mark, changed: UInt32, waited: UInt32, seen: UInt32,
    isMember: (Int) -> Bool
  ) {
    for group in groups.indices where isMember(group) { groups[group].sign = changed }
    if let group = mark.waiting {
      groups[group].waited = waited
      (groups[group].call, groups[group].step) = (mark.call, mark.step)
    } else {
      moving = [
        MovingRank(
          rank: rank, position: mark.position, isAtDisk: mark.isAtDisk, sign: changed, seen: seen)
      ]
    }
  }

  /// Takes in another one that was heard so many milliseconds ago.
  mutating func add(_ other: SubtreeReport, age: UInt32) {
    for group in groups.indices {
      let its = other.groups[group]
      groups[group].sign = min(groups[group].sign, its.sign.adding(age))
      guard let waited = its.waited?.adding(age),
        waited > groups[group].waited ?? 0 || groups[group].waited == nil
      else { continue }
      groups[group].waited = waited
      (groups[group].call, groups[group].step) = (its.call, its.step)
    }
    for var rank in other.moving {
      (rank.sign, rank.seen) = (rank.sign.adding(age), rank.seen.adding(age))
      if let known = moving.firstIndex(where: { $0.rank == rank.rank }) {
        if rank.seen < moving[known].seen { moving[known] = rank }
      } else {
        moving.append(rank)
      }
    }
    for head in other.missing where !missing.contains(head) { missing.append(head) }
  }

  /// As it is sent.
  mutating func shorten() {
    moving.sort { ($1.sign, $0.rank) < ($0.sign, $1.rank) }
    moving = Array(moving.prefix(Self.most))
    missing = Array(missing.prefix(Self.most))
  }
}

extension UInt32 {
  /// The sum, or the largest number where that is too small.
  func adding(_ other: UInt32) -> UInt32 {
    let (sum, overflows) = addingReportingOverflow(other)
    return overflows ? .max : sum
  }
}

extension SubtreeReport {
  var bytes: [UInt8] {
    var writer = MessageWriter()
    for group in groups {
      writer.add(group.waited ?? .max)
      writer.add(group.call.rawValue)
      writer.add(UInt64(truncatingIfNeeded: group.step))
      writer.add(group.sign)
    }
    writer.add(UInt8(moving.count))
    for rank in moving {
      writer.add(UInt32(truncatingIfNeeded: rank.rank))
      writer.add(rank.position)
      writer.add(UInt8(rank.isAtDisk ? 1 : 0))
      writer.add(rank.sign)
      writer.add(rank.seen)
    }
    writer.add(UInt8(missing.count))
    for head in missing {
      writer.add(UInt32(truncatingIfNeeded: head.rank))
      writer.add(UInt8(head.wasHeard ? 1 : 0))
    }
    return writer.bytes
  }

  /// - size: of the job; no rank is beyond it.
  /// - Returns: nil for bytes that are no report.
  init?(_ bytes: some Collection<UInt8>, size: Int) {
    var reader = MessageReader(bytes)
    for group in groups.indices {
      guard let waited = reader.word32(), let call = reader.byte(), let step = reader.word64(),
        let sign = reader.word32(), let name = RankProgress.CollectiveCall(rawValue: call)
      else { return nil }
      groups[group] = GroupCalls(
        waited: waited == .max ? nil : waited, call: name, step: Int(truncatingIfNeeded: step), sign: sign)
    }
    guard let movingCount = reader.byte(), movingCount <= Self.most else { return nil }
    for _ in 0..<movingCount {
      guard let rank = reader.word32(), let position = reader.word64(), let disk = reader.byte(),
        let sign = reader.word32(), let seen = reader.word32(), rank < size
      else { return nil }
      moving.append(
        MovingRank(rank: Int(rank), position: position, isAtDisk: disk == 1, sign: sign, seen: seen))
    }
    guard let missingCount = reader.byte(), missingCount <= Self.most else { return nil }
    for _ in 0..<missingCount {
      guard let rank = reader.word32(), let heard = reader.byte(), rank < size else { return nil }
      missing.append(MissingSubtree(rank: Int(rank), wasHeard: heard == 1))
    }
    guard reader.isAtEnd else { return nil }
  }
}

/// Numbers one after the other, least significant byte first.
struct MessageWriter {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ number: some FixedWidthInteger) {
    for byte in 0..<number.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * byte))) }
  }
}

/// Takes such numbers apart; nil where there are too few bytes.
struct MessageReader {
  private let bytes: [UInt8]
  private var next = 0

  init(_ bytes: some Collection<UInt8>) { self.bytes = Array(bytes) }

  var isAtEnd: Bool { next == bytes.count }
  /// What was not taken yet.
  var rest: ArraySlice<UInt8> { bytes[next...] }

  mutating func byte() -> UInt8? { number(1).map { UInt8(truncatingIfNeeded: $0) } }
  mutating func word16() -> UInt16? { number(2).map { UInt16(truncatingIfNeeded: $0) } }
  mutating func word32() -> UInt32? { number(4).map { UInt32(truncatingIfNeeded: $0) } }
  mutating func word64() -> UInt64? { number(8) }

  private mutating func number(_ count: Int) -> UInt64? {
    guard bytes.count - next >= count else { return nil }
    defer { next += count }
    return bytes[next..<next + count].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
  }
}
