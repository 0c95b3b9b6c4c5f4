import Collective
import Digests
import Foundation
import Synchronization
import TestSupport
import Testing

/// Datagrams of strangers: forged, replayed, cut, turned round, in floods.
@Suite struct HeartbeatTests {
  private static let peer = DatagramSocket.Address(address: IPv4.loopback, port: 7001)
  private let key = HMAC.newKey()

  /// What rank 1 of three hears.
  private func inbox() -> Ear {
    let peers = [0, 2].map { HeartbeatInbox.Peer(rank: $0, host: "h", address: Self.peer) }
    return Ear(HeartbeatInbox(rank: 1, peers: peers, key: key))
  }

  private final class Ear {
    private var inbox: HeartbeatInbox
    var peers: [HeartbeatInbox.Peer] { inbox.peers }
    init(_ inbox: HeartbeatInbox) { self.inbox = inbox }
    func take(_ bytes: [UInt8], from sender: DatagramSocket.Address) -> Bool {
      inbox.take(bytes, from: sender)
    }
  }

  private func message(from: Int = 0, to: Int = 1, count: UInt64 = 1, step: UInt64 = 5) -> HeartbeatMessage {
    HeartbeatMessage(from: from, to: to, count: count, mark: .init(position: step << 8))
  }

  @Test func itsOwnMessagesCount() {
    let inbox = inbox()
    for (from, count) in [(0, 1), (2, 1), (0, 2), (0, 9)] as [(Int, UInt64)] {
      #expect(inbox.take(message(from: from, count: count).sealed(key), from: Self.peer))
    }
    #expect(inbox.peers.map(\.count) == [9, 1] && inbox.peers.map(\.mark.step) == [5, 5])
  }

  @Test func noMessageCountsTwiceAndNoneThatIsOlder() {
    let inbox = inbox()
    let captured = (1...3).map { message(count: $0).sealed(key) }
    #expect(inbox.take(captured[1], from: Self.peer))
    #expect(!captured[...1].contains { inbox.take($0, from: Self.peer) })
    #expect(inbox.take(captured[2], from: Self.peer))
    #expect(!captured.contains { inbox.take($0, from: Self.peer) })
  }

  @Test func noChangedByteGoesUnnoticed() {
    let inbox = inbox()
    let right = message(count: 7).sealed(key)
    #expect(right.count == HeartbeatMessage.size)
    for index in right.indices {
      var wrong = right
      wrong[index] ^= 1 << UInt8(index % 8)
      #expect(!inbox.take(wrong, from: Self.peer), "byte \(index)")
    }
    for count in 0..<right.count { #expect(!inbox.take(Array(right[..<count]), from: Self.peer)) }
    #expect(!inbox.take(right + [0], from: Self.peer))
    #expect(inbox.peers.allSatisfy { $0.count == 0 })
  }

  @Test func strangersAreNotHeard() {
    let inbox = inbox()
    let other = DatagramSocket.Address(address: IPv4.loopback, port: 7002)
    #expect(!inbox.take(message().sealed(HMAC.newKey()), from: Self.peer), "another job's key")
    #expect(!inbox.take(message().sealed(key), from: other), "another sender")
    #expect(!inbox.take(message(to: 2).sealed(key), from: Self.peer), "meant for another rank")
    #expect(!inbox.take(message(from: 1).sealed(key), from: Self.peer), "from this rank itself")
    for from in [3, Int.max, Int.min, -1] {
      #expect(!inbox.take(message(from: from).sealed(key), from: Self.peer), "from no rank")
    }
    var generator = SplitMix(state: 3)
    for _ in 0..<10_000 {
      let count = Int.random(in: 0...2 * HeartbeatMessage.size, using: &generator)
      #expect(!inbox.take((0..<count).map { _ in .random(in: 0...255, using: &generator) }, from: Self.peer))
    }
  }

  /// Ranks of one machine speak over loopback, and hear each other while a stranger sends as fast as it can.
  @Test func aFloodHidesNobody() throws {
    let isOver = Atomic(false)
    let steps = try Threaded.withRanks(2) { group in
      let heartbeat = try Heartbeat(group, [:])
      let address = try #require(heartbeat.address)
      #expect(address.address == IPv4.loopback)
      let flood = Thread {
        guard let socket = DatagramSocket(boundTo: IPv4.loopback) else { return }
        var bytes = [UInt8](repeating: 7, count: HeartbeatMessage.size)
        while !isOver.load(ordering: .relaxed) {
          bytes[Int.random(in: 0..<bytes.count)] &+= 1
          socket.send(bytes, to: address)
        }
      }
      flood.start()
      for step in 1...40 as ClosedRange<UInt64> {
        heartbeat.send(.init(position: step << 8))
        let begin = ContinuousClock.now
        heartbeat.listen(until: begin + .milliseconds(20))
        #expect(ContinuousClock.now - begin < .seconds(2))
      }
      try group.barrier()
      isOver.store(true, ordering: .relaxed)
      return heartbeat.inbox.peers[0].mark.step
    }
    // Some of them may be lost.
    #expect(steps.allSatisfy { (20...40).contains($0) }, "\(steps)")
  }

  private static func local(_ device: String, _ text: String, _ bits: Int) -> IPv4.Local {
    IPv4.Local(device: device, address: IPv4.address(text.utf8)!, bits: bits)
  }

  /// A bridge that is alike on all machines leads nowhere.
  @Test func machinesSpeakOverANetworkThatAllAreIn() throws {
    let machines = (1...3).map { host in
      [
        Self.local("docker0", "172.17.0.1", 16), Self.local("eth0", "192.168.\(host).2", 24),
        Self.local("ib0", "10.0.0.\(host)", 24), Self.local("eth1", "10.9.0.\(host)", 16),
      ]
    }
    let network = try #require(HeartbeatNetwork(machines: machines).common)
    #expect(IPv4.text(network.address) == "10.0.0.0" && network.bits == 24)
    let told = machines.map {
      HeartbeatNetwork.usable($0, ["OMPI_MCA_btl_tcp_if_include": "eth1,docker0"])
    }
    let other = machines.map { HeartbeatNetwork.usable($0, ["FI_TCP_IFACE": "eth1"]) }
    #expect(HeartbeatNetwork(machines: other).common.map { IPv4.text($0.address) } == "10.9.0.0")
    #expect(HeartbeatNetwork(machines: told).common.map { IPv4.text($0.address) } == "10.9.0.0")
    #expect(HeartbeatNetwork(machines: machines.map { Array($0[..<2]) }).common == nil)
    #expect(HeartbeatNetwork(machines: [[], machines[0]]).common == nil)
  }
}
