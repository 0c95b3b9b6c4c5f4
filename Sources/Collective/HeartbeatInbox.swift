/// What a rank has heard of the others: counts a message where it is one of this job, from a rank to this one, newer than the last of
/// that rank, and drops everything else.
package struct HeartbeatInbox {
  package struct Peer {
    package let rank: Int
    package let host: String
    let address: DatagramSocket.Address
    /// When the last message came, and when the last one that told something new.
    package fileprivate(set) var heard = ContinuousClock.now
    package fileprivate(set) var changed = ContinuousClock.now
    package fileprivate(set) var mark = RankProgress.Mark()
    /// The number of its last message.
    package fileprivate(set) var count: UInt64 = 0

    package init(rank: Int, host: String, address: DatagramSocket.Address) {
      (self.rank, self.host, self.address) = (rank, host, address)
    }
  }

  private let rank: Int
  /// All ranks but this one, in their order.
  package private(set) var peers: [Peer]
  private let key: [UInt8]

  package init(rank: Int, peers: [Peer], key: [UInt8]) {
    (self.rank, self.peers, self.key) = (rank, peers, key)
  }

  /// Cheap looks first: length, receiver, sender and number, and only then the code.
  /// - Returns: whether it counted.
  @discardableResult
  package mutating func take(_ bytes: [UInt8], from sender: DatagramSocket.Address) -> Bool {
    guard let message = HeartbeatMessage(unchecked: bytes), message.to == rank, message.from != rank else {
      return false
    }
    let index = message.from < rank ? message.from : message.from - 1
    guard peers.indices.contains(index), peers[index].address == sender, message.count > peers[index].count,
      HeartbeatMessage.isSealed(bytes, key)
    else { return false }
    let now = ContinuousClock.now
    (peers[index].count, peers[index].heard) = (message.count, now)
    if message.mark != peers[index].mark { (peers[index].mark, peers[index].changed) = (message.mark, now) }
    return true
  }

  /// Starts all clocks anew.
  mutating func forget(_ now: ContinuousClock.Instant) {
    for i in peers.indices { (peers[i].heard, peers[i].changed) = (now, now) }
  }
}
