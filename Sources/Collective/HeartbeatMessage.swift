import Digests

/// What one rank tells another: who tells whom, a number that only grows, what it is, and an HMAC-SHA-256 over all of that under the job's
/// secret.
///
/// The receiver is in it, so that nobody can hand a message on to another rank; with the number none counts twice.
package struct HeartbeatMessage: Equatable, Sendable {
  package enum Body: Equatable, Sendable {
    /// Of a rank and those that report through it, to the one above it.
    case report(SubtreeReport)
    /// The same, past a rank above that is silent.
    case direct(SubtreeReport)
    /// From who judges, to everybody.
    case notice(JobNotice)
    /// Over a stream: what is the rank at? Its answer is a direct report.
    case question
  }

  private static let header = 17
  /// No message is longer.
  package static let longest = header + 400 + Digest.count

  package var from: Int
  package var to: Int
  package var count: UInt64
  package var subject: Body

  package init(from: Int, to: Int, count: UInt64, _ subject: Body) {
    (self.from, self.to, self.count, self.subject) = (from, to, count, subject)
  }

  /// Reads the numbers; nil for what can't be a message. Whether it is one of the job is asked with `isSealed`.
  /// - size: ranks of the job.
  package init?(unchecked bytes: [UInt8], size: Int) {
    guard (Self.header + Digest.count...Self.longest).contains(bytes.count) else { return nil }
    var reader = MessageReader(bytes[..<Self.header])
    guard let from = reader.word32(), let to = reader.word32(), let count = reader.word64(),
      let kind = reader.byte(), from < size, to < size
    else { return nil }
    let body = bytes[Self.header..<bytes.count - Digest.count]
    let subject: Body?
    switch kind {
    case 0: subject = SubtreeReport(body, size: size).map { .report($0) }
    case 1: subject = SubtreeReport(body, size: size).map { .direct($0) }
    case 2: subject = JobNotice(body, size: size).map { .notice($0) }
    case 3: subject = body.isEmpty ? .question : nil
    default: subject = nil
    }
    guard let subject else { return nil }
    self.init(from: Int(from), to: Int(to), count: count, subject)
  }

  /// The bytes to send.
  package func sealed(_ key: [UInt8]) -> [UInt8] {
    var writer = MessageWriter()
    writer.add(UInt32(truncatingIfNeeded: from))
    writer.add(UInt32(truncatingIfNeeded: to))
    writer.add(count)
    let rest: [UInt8]
    switch subject {
    case .report(let report): rest = [0] + report.bytes
    case .direct(let report): rest = [1] + report.bytes
    case .notice(let notice): rest = [2] + notice.bytes
    case .question: rest = [3]
    }
    let body = writer.bytes + rest
    return body + HMAC.code(of: body, key: key)
  }

  package static func isSealed(_ bytes: [UInt8], _ key: [UInt8]) -> Bool {
    guard bytes.count >= header + Digest.count else { return false }
    let end = bytes.count - Digest.count
    return HMAC.isValid(Array(bytes[end...]), of: Array(bytes[..<end]), key: key)
  }
}

/// What the rank that judges tells all others.
package struct JobNotice: Equatable, Sendable {
  /// Who judges.
  package var leader: Int
  /// Whether it has heard of every rank.
  package var isComplete: Bool
  /// Whether the job is over: ranks stayed away.
  package var ends: Bool

  init(leader: Int, isComplete: Bool, ends: Bool) {
    (self.leader, self.isComplete, self.ends) = (leader, isComplete, ends)
  }

  var bytes: [UInt8] {
    var writer = MessageWriter()
    writer.add(UInt32(truncatingIfNeeded: leader))
    writer.add(UInt8((isComplete ? 1 : 0) | (ends ? 2 : 0)))
    return writer.bytes
  }

  init?(_ bytes: some Collection<UInt8>, size: Int) {
    var reader = MessageReader(bytes)
    guard let leader = reader.word32(), let flags = reader.byte(), reader.isAtEnd, leader < size, flags < 4
    else { return nil }
    self.init(leader: Int(leader), isComplete: flags & 1 == 1, ends: flags & 2 == 2)
  }
}
