/// Which of the messages that come to a rank count: those of this job, from a rank to this one, each once.
/// Everything else is dropped.
///
/// Messages may overtake each other, an answer over a stream the question that was sent before it: of each rank the last 64 numbers are
/// looked at one by one, and what is older is dropped.
///
/// Source: S. Kent, "IP Encapsulating Security Payload", RFC 4303, 3.4.3.
package struct HeartbeatInbox {
  private let rank: Int
  private let addresses: [SocketAddress]
  private let key: [UInt8]
  private var windows: [Window]

  /// What has come of one rank: the largest number, and of those up to it which; that number is the lowest bit.
  private struct Window {
    var last: UInt64 = 0
    var came: UInt64 = 1

    func isNew(_ count: UInt64) -> Bool {
      count > last || last - count < UInt64(UInt64.bitWidth) && came >> (last - count) & 1 == 0
    }

    mutating func add(_ count: UInt64) {
      if count > last {
        came = count - last < UInt64(UInt64.bitWidth) ? came << (count - last) : 0
        last = count
      }
      came |= 1 << (last - count)
    }
  }

  /// - addresses: where each rank sends from.
  package init(rank: Int, addresses: [SocketAddress], key: [UInt8]) {
    (self.rank, self.addresses, self.key) = (rank, addresses, key)
    windows = Array(repeating: Window(), count: addresses.count)
  }

  /// Of each rank, the largest number of its messages.
  package var counts: [UInt64] { windows.map(\.last) }

  /// Cheap looks first: length, receiver, sender and number, and only then the code.
  /// - sender: nil for what came over a stream, whose ends have no address of their own.
  /// - Returns: the message where it counts.
  package mutating func take(_ bytes: [UInt8], from sender: SocketAddress?) -> HeartbeatMessage? {
    guard let message = HeartbeatMessage(unchecked: bytes, size: addresses.count), message.to == rank,
      message.from != rank, sender == nil || addresses[message.from] == sender,
      windows[message.from].isNew(message.count), HeartbeatMessage.isSealed(bytes, key)
    else { return nil }
    windows[message.from].add(message.count)
    return message
  }
}
