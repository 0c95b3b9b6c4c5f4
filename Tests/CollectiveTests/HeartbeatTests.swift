import Collective
import Digests
import Foundation
import Synchronization
import TestSupport
import Testing

/// Datagrams of strangers: forged, replayed, cut, turned round, in floods.
@Suite(.tags(.mpi)) struct HeartbeatTests {
  private static let peer = SocketAddress(.loopback, port: 7001)
  private let key = HMAC.newKey()

  /// What rank 1 of three hears.
  private final class Ear {
    private var inbox: HeartbeatInbox
    var counts: [UInt64] { inbox.counts }
    init(key: [UInt8]) {
      inbox = HeartbeatInbox(rank: 1, addresses: Array(repeating: HeartbeatTests.peer, count: 3), key: key)
    }
    func take(_ bytes: [UInt8], from sender: SocketAddress?) -> Bool {
      inbox.take(bytes, from: sender) != nil
    }
  }

  /// Keeps what comes.
  private final class Listener: HeartbeatListener {
    var answer = SubtreeReport()
    private(set) var messages: [HeartbeatMessage] = []
    private let goesOn: Bool
    init(goesOn: Bool = true) { self.goesOn = goesOn }
    func take(_ message: HeartbeatMessage) -> Bool {
      messages.append(message)
      return goesOn
    }
  }

  private func message(from: Int = 0, to: Int = 1, count: UInt64 = 1, step: UInt64 = 5) -> HeartbeatMessage {
    var report = SubtreeReport()
    report.moving = [.init(rank: 2, position: step << 8, isAtDisk: true, sign: 7)]
    report.missing = [.init(rank: 0, wasHeard: true)]
    return HeartbeatMessage(from: from, to: to, count: count, .report(report))
  }

  @Test func itsOwnMessagesCount() {
    let ear = Ear(key: key)
    for (from, count) in [(0, 1), (2, 1), (0, 2), (0, 9)] as [(Int, UInt64)] {
      #expect(ear.take(message(from: from, count: count).sealed(key), from: Self.peer))
    }
    #expect(ear.take(message(from: 2, count: 2).sealed(key), from: nil), "over a stream")
    #expect(ear.counts == [9, 0, 2])
  }

  @Test func aMessageIsReadAsItWasWritten() {
    let bytes = message(count: 3).sealed(key)
    #expect(bytes.count < HeartbeatMessage.longest)
    #expect(HeartbeatMessage(unchecked: bytes, size: 3) == message(count: 3))
    #expect(HeartbeatMessage(unchecked: bytes, size: 2) == nil, "a rank beyond the job")
    let question = HeartbeatMessage(from: 0, to: 1, count: 4, .question)
    #expect(HeartbeatMessage(unchecked: question.sealed(key), size: 2) == question)
  }

  /// In whatever order they come: the answer of a rank may overtake its question.
  @Test func eachMessageCountsOnce() {
    let ear = Ear(key: key)
    let captured = (1...400).map { message(count: $0).sealed(key) }
    #expect(!ear.take(message(count: 0).sealed(key), from: Self.peer), "numbers begin at 1")
    var generator = SplitMix(state: 5)
    for start in stride(from: 0, to: 400, by: 50) {
      let order = (start..<start + 50).shuffled(using: &generator)
      for index in order { #expect(ear.take(captured[index], from: Self.peer), "\(index) of \(order)") }
      #expect(!captured[..<(start + 50)].contains { ear.take($0, from: Self.peer) })
      #expect(!captured[..<(start + 50)].contains { ear.take($0, from: nil) })
    }
  }

  @Test func whatIsOlderThanTheLastManyIsDropped() {
    let ear = Ear(key: key)
    #expect(ear.take(message(count: 100).sealed(key), from: Self.peer))
    #expect(!ear.take(message(count: 36).sealed(key), from: Self.peer))
    #expect(ear.take(message(count: 37).sealed(key), from: Self.peer))
    for count in [10_000, .max] as [UInt64] {
      #expect(ear.take(message(count: count).sealed(key), from: Self.peer))
      #expect(!ear.take(message(count: 101).sealed(key), from: Self.peer))
    }
  }

  @Test func noChangedByteGoesUnnoticed() {
    let ear = Ear(key: key)
    let right = message(count: 7).sealed(key)
    for index in right.indices {
      var wrong = right
      wrong[index] ^= 1 << UInt8(index % 8)
      #expect(!ear.take(wrong, from: Self.peer), "byte \(index)")
    }
    for count in 0..<right.count { #expect(!ear.take(Array(right[..<count]), from: Self.peer)) }
    #expect(!ear.take(right + [0], from: Self.peer))
    #expect(ear.counts.allSatisfy { $0 == 0 })
  }

  @Test func strangersAreNotHeard() {
    let ear = Ear(key: key)
    let other = SocketAddress(.loopback, port: 7002)
    #expect(!ear.take(message().sealed(HMAC.newKey()), from: Self.peer), "another job's key")
    #expect(!ear.take(message().sealed(key), from: other), "another sender")
    #expect(!ear.take(message(to: 2).sealed(key), from: Self.peer), "meant for another rank")
    #expect(!ear.take(message(from: 1).sealed(key), from: Self.peer), "from this rank itself")
    for from in [3, Int(UInt32.max), Int.max, -1] {
      #expect(!ear.take(message(from: from).sealed(key), from: Self.peer), "from no rank")
    }
    var generator = SplitMix(state: 3)
    for _ in 0..<10_000 {
      let count = Int.random(in: 0...HeartbeatMessage.longest + 9, using: &generator)
      #expect(!ear.take((0..<count).map { _ in .random(in: 0...255, using: &generator) }, from: Self.peer))
    }
  }

  /// Ranks of one machine speak over loopback, and hear each other while a stranger sends as fast as it can.
  @Test func aFloodHidesNobody() throws {
    let isOver = Atomic(false)
    let heard = try Threaded.withRanks(2) { group in
      let heartbeat = try Heartbeat(group, [:])
      let address = try #require(heartbeat.address)
      #expect(address.address == .loopback)
      let flood = Thread {
        guard let socket = DatagramSocket(boundTo: .loopback) else { return }
        var bytes = [UInt8](repeating: 7, count: HeartbeatMessage.longest)
        while !isOver.load(ordering: .relaxed) {
          bytes[Int.random(in: 0..<bytes.count)] &+= 1
          socket.send(bytes, to: address)
        }
      }
      flood.start()
      let listener = Listener()
      for _ in 1...40 {
        heartbeat.send(.report(SubtreeReport()), to: 1 - group.rank)
        let begin = ContinuousClock.now
        heartbeat.listen(until: begin + .milliseconds(20), for: listener)
        #expect(ContinuousClock.now - begin < .seconds(2))
      }
      try group.barrier()
      isOver.store(true, ordering: .relaxed)
      return listener.messages.count
    }
    // Some of them may be lost.
    #expect(heard.allSatisfy { (20...40).contains($0) }, "\(heard)")
  }

  /// A rank that is silent is asked over TCP, and what it answers is a message like another.
  @Test func aQuestionOverAStreamIsAnswered() throws {
    let answers = try Threaded.withRanks(2) { group in
      let heartbeat = try Heartbeat(group, [:])
      let listener = Listener(goesOn: false)
      listener.answer.moving = [.init(rank: 1, position: 7 << 8, isAtDisk: false, sign: 3)]
      if group.rank == 0 { heartbeat.ask([1], within: .seconds(1)) }
      heartbeat.listen(until: .now + .seconds(2), for: listener)
      return listener.messages
    }
    #expect(answers[1].isEmpty && answers[0].count == 1)
    var answer = SubtreeReport()
    answer.moving = [.init(rank: 1, position: 7 << 8, isAtDisk: false, sign: 3)]
    #expect(answers[0].first?.subject == .direct(answer) && answers[0].first?.from == 1)
  }

  @Test func addressesAreReadAndWritten() {
    for text in ["10.0.0.1", "fd00::1", "2001:db8::a:0:0:7", "255.255.255.255"] {
      #expect(IPAddress(text.utf8)?.text == text)
      #expect(SocketAddress(SocketAddress(IPAddress(text.utf8)!, port: 80).text.utf8)?.port == 80)
    }
    for text in ["", "10.0.0", "10.0.0.256", "fd00::1%eth0", "::g", "fd00::1\0", "1.2.3.4.5", ":::"] {
      #expect(IPAddress(text.utf8) == nil, "\(text)")
    }
    let six = IPAddress("fd00:1:2:3::9".utf8)!
    #expect(
      six.prefix(64).text == "fd00:1:2:3::" && six.prefix(8).text == "fd00::" && six.prefix(0).text == "::")
    let four = IPAddress("10.1.2.3".utf8)!
    #expect(four.prefix(24).text == "10.1.2.0" && four.prefix(0).text == "0.0.0.0" && four.prefix(32) == four)
  }

  private static func local(_ device: String, _ text: String, _ bits: Int) -> LocalAddress {
    LocalAddress(device: device, address: IPAddress(text.utf8)!, bits: bits)
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
    #expect(network.address.text == "10.0.0.0" && network.bits == 24)
    let told = machines.map {
      HeartbeatNetwork.usable($0, ["OMPI_MCA_btl_tcp_if_include": "eth1,docker0"])
    }
    let other = machines.map { HeartbeatNetwork.usable($0, ["FI_TCP_IFACE": "eth1"]) }
    #expect(HeartbeatNetwork(machines: other).common?.address.text == "10.9.0.0")
    #expect(HeartbeatNetwork(machines: told).common?.address.text == "10.9.0.0")
    #expect(HeartbeatNetwork(machines: machines.map { Array($0[..<2]) }).common == nil)
    #expect(HeartbeatNetwork(machines: [[], machines[0]]).common == nil)
    // Where there is only IPv6.
    let six = (1...3).map {
      [Self.local("eth0", "fd00:\($0)::2", 64), Self.local("eth1", "fd0a::\($0)", 64)]
    }
    let found = try #require(HeartbeatNetwork(machines: six).common)
    #expect(found.address.text == "fd0a::" && found.bits == 64)
  }
}
