import Diagnostics
import Digests

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Small messages between the watchdogs of a group: UDP over IPv4, over the loopback device where all ranks share a machine, else
/// over the job's network alone.
///
/// Outside MPI on purpose: it must speak while MPI waits. A lost message means nothing, the next one follows. What comes is looked at
/// by a `HeartbeatInbox`.
package final class Heartbeat {
  package private(set) var inbox: HeartbeatInbox
  var peers: [HeartbeatInbox.Peer] { inbox.peers }
  private let socket: DatagramSocket?
  private let wakeUp: WakeUp
  private let rank: Int
  private let key: [UInt8]
  private let clock = ContinuousClock()
  private var sent: UInt64 = 0

  /// All ranks make one together: they agree on a network, tell each other their addresses, and get rank 0's secret over MPI.
  package init(_ group: any Communicator, _ environment: [String: String] = processEnvironment()) throws {
    rank = group.rank
    wakeUp = try WakeUp()
    var key = HMAC.newKey()
    try key.withUnsafeMutableBytes { try group.broadcast($0, from: 0) }
    self.key = key
    let socket = try HeartbeatNetwork.address(group, environment).flatMap { DatagramSocket(boundTo: $0) }
    self.socket = socket
    // A rank without a socket says so by port 0; it is silent, and hears nobody.
    let own = socket?.localAddress
    let card = Int(own?.port ?? 0).bytes + Int(own?.address ?? 0).bytes + Array(group.hostName.utf8)
    let cards = try group.allGather(card)
    if group.rank == 0, let silent = cards.firstIndex(where: { Int(bytes: $0) == 0 }) {
      writeLine(
        "recur: rank \(silent) of \(group.size) has no IPv4 address for heartbeats: who waits for it longer than the stall timeout gives up"
      )
    }
    let peers = cards.enumerated().filter { $0.offset != group.rank }.map { rank, card in
      let address = DatagramSocket.Address(
        address: UInt32(truncatingIfNeeded: Int(bytes: Array(card[8..<16]))),
        port: UInt16(truncatingIfNeeded: Int(bytes: card)))
      return HeartbeatInbox.Peer(
        rank: rank, host: String(decoding: card[16...], as: UTF8.self), address: address)
    }
    inbox = HeartbeatInbox(rank: group.rank, peers: peers, key: key)
  }

  /// Where this rank listens.
  package var address: DatagramSocket.Address? { socket?.localAddress }

  /// Tells every peer.
  package func send(_ mark: RankProgress.Mark) {
    sent += 1
    guard let socket else { return }
    for peer in peers {
      let message = HeartbeatMessage(from: rank, to: peer.rank, count: sent, mark: mark)
      socket.send(message.sealed(key), to: peer.address)
    }
  }

  /// Ends `listen` early, from another thread.
  func wake() { wakeUp.ring() }

  /// Takes in what comes until then, or until `wake()`.
  package func listen(until end: ContinuousClock.Instant) {
    repeat {
      let left = max(.zero, end - clock.now).components
      let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
      var requests = [wakeUp.descriptor, socket?.descriptor ?? -1].map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      // At least one millisecond: an error on the socket must not make this loop spin.
      guard poll(&requests, 2, Int32(milliseconds) + 1) > 0 else { continue }
      if requests[0].revents != 0 { return }
      receive()
    } while clock.now < end
  }

  /// Starts all clocks anew.
  func forget(_ now: ContinuousClock.Instant) { inbox.forget(now) }

  /// Takes what lies there, a bounded number: a flood must not keep the watchdog from looking.
  private func receive() {
    for _ in 0..<4 * (peers.count + 16) {
      guard let (bytes, sender) = socket?.receive(count: HeartbeatMessage.size) else { return }
      inbox.take(bytes, from: sender)
    }
  }
}

/// Ends a wait in `poll` from another thread.
private final class WakeUp: Sendable {
  let descriptor: Int32
  private let bell: Int32

  init() throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw Failure.inputOutput("can't make a pipe: \(systemError())") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (descriptor, bell) = (ends[0], ends[1])
  }

  func ring() { _ = write(bell, [1], 1) }

  deinit {
    close(descriptor)
    close(bell)
  }
}
