import Diagnostics
import Digests

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a rank knows of the `JobChannel` of its supervisor, and what it says there: that it ends, with which exit code, and whether it
/// does so because it gave other ranks up; or that it watches over the job.
package struct RankReport: Equatable, Sendable {
  /// What one message says.
  enum Word: Equatable {
    case end(rank: Int, code: Int32, gaveUp: Bool)
    /// The rank judges for the job, and says so again within that time; where it is zero, nobody does any more.
    case watches(rank: Int, patience: Duration, isWaiting: Bool)
  }

  /// Rank and exit code, eight bytes each, least significant first, and the code over them. Above an exit code's 32 bits stands 1 where
  /// the rank gave others up, and 2 or 3 (where it waits) where milliseconds of a watch stand in place of a code.
  package static let messageSize = 16 + Digest.count
  /// Addresses of a supervisor.
  private static let mostAddresses = 8

  private let secret: [UInt8]
  private let supervisors: [SocketAddress]

  init(secret: [UInt8], supervisors: [SocketAddress]) {
    (self.secret, self.supervisors) = (secret, Array(supervisors.prefix(Self.mostAddresses)))
  }

  /// As a variable of the environment holds it: `64 hexadecimal digits@ADDRESS:PORT,…`.
  package var card: String {
    Digest(bytes: secret).hexadecimal + "@"
      + supervisors.map(\.text).joined(separator: ",")
  }

  /// - Throws: a usage `Failure` where `recur launch` can't have written it.
  package init(card: String) throws(Failure) {
    let parts = card.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
    let words =
      parts.count == 2
      ? parts[1].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) : []
    let addresses = words.compactMap { SocketAddress($0) }
    guard parts.count == 2, let secret = Self.bytes(parts[0]), secret.count == Digest.count,
      !words.isEmpty, addresses.count == words.count, words.count <= Self.mostAddresses
    else {
      throw Failure.usage(
        "\(JobChannel.variable) is not what `recur launch` writes there: `unset \(JobChannel.variable)`, or start with `recur launch`"
      )
    }
    (self.secret, supervisors) = (secret, addresses)
  }

  private static func bytes(_ digits: Substring.UTF8View) -> [UInt8]? {
    let values = digits.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    guard values.count == digits.count, values.count % 2 == 0 else { return nil }
    return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
  }
}

extension RankReport {
  package func message(rank: Int, code: Int32, gaveUp: Bool = false) -> [UInt8] {
    let body = rank.bytes + (Int(UInt32(bitPattern: code)) | (gaveUp ? 1 << 32 : 0)).bytes
    return body + HMAC.code(of: body, key: secret)
  }

  package func message(rank: Int, patience: Duration, isWaiting: Bool) -> [UInt8] {
    let time = UInt32(
      clamping: patience.components.seconds * 1000 + patience.components.attoseconds / 1_000_000_000_000_000)
    let body = rank.bytes + (Int(time) | (isWaiting ? 3 : 2) << 32).bytes
    return body + HMAC.code(of: body, key: secret)
  }

  /// What a message says; nil where it was not made with the secret.
  static func word(in message: [UInt8], secret: [UInt8]) -> Word? {
    guard message.count == messageSize else { return nil }
    let body = Array(message[..<16])
    guard HMAC.isValid(Array(message[16...]), of: body, key: secret) else { return nil }
    let (rank, end) = (Int(bytes: body), Int(bytes: Array(body[8...])))
    guard end >> 33 & 1 == 1 else {
      return .end(rank: rank, code: Int32(truncatingIfNeeded: end), gaveUp: end >> 32 & 1 == 1)
    }
    return .watches(rank: rank, patience: .milliseconds(end & 0xffff_ffff), isWaiting: end >> 32 & 1 == 1)
  }

  /// Tells the supervisor that this rank watches over the job. Over TCP: a network that drops datagrams is no reason to miss it. At all of its
  /// addresses: on another machine its loopback address is another program's.
  /// - Returns: whether it was told.
  package func tell(rank: Int, patience: Duration, isWaiting: Bool, within time: Duration) -> Bool {
    let message = message(rank: rank, patience: patience, isWaiting: isWaiting)
    let told = supervisors.map { Stream(to: $0, within: time / supervisors.count)?.send(message) ?? false }
    return told.contains(true)
  }

  /// Tells the supervisor that this rank is about to end. A failure is told three times: a datagram may be lost.
  func tell(rank: Int, code: Int32, gaveUp: Bool) {
    let sockets = supervisors.map { DatagramSocket(for: $0.address) }
    let message = message(rank: rank, code: code, gaveUp: gaveUp)
    for round in 0..<(code == 0 ? 1 : 3) {
      if round > 0 { usleep(5000) }
      for (address, socket) in zip(supervisors, sockets) { socket?.send(message, to: address) }
    }
  }
}
