/// Which of the messages that come to a rank count: those of this job, from a rank to this one, newer than the last of that rank.
/// Everything else is dropped.
package struct HeartbeatInbox {
  private let rank: Int
  private let addresses: [SocketAddress]
  private let key: [UInt8]
  /// Of each rank, the number of its last message.
  package private(set) var counts: [UInt64]

  /// - addresses: where each rank sends from.
  package init(rank: Int, addresses: [SocketAddress], key: [UInt8]) {
    (self.rank, self.addresses, self.key) = (rank, addresses, key)
    counts = Array(repeating: 0, count: addresses.count)
  }

  /// Cheap looks first: length, receiver, sender and number, and only then the code.
  /// - sender: nil for what came over a stream, whose ends have no address of their own.
  /// - Returns: the message where it counts.
  package mutating func take(_ bytes: [UInt8], from sender: SocketAddress?) -> HeartbeatMessage? {
    guard let message = HeartbeatMessage(unchecked: bytes, size: addresses.count), message.to == rank,
      message.from != rank, sender == nil || addresses[message.from] == sender,
      message.count > counts[message.from], HeartbeatMessage.isSealed(bytes, key)
    else { return nil }
    counts[message.from] = message.count
    return message
  }
}
