import Diagnostics
import Digests
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Who hears what comes in a `Heartbeat`.
package protocol HeartbeatListener: AnyObject {
  /// What this rank says of itself when it is asked.
  var answer: SubtreeReport { get }
  /// Gets each message that counts.
  /// - Returns: whether to go on listening.
  func take(_ message: HeartbeatMessage) -> Bool
}

/// Small messages between the watchdogs of a group: UDP over IPv4 or IPv6, over the loopback device where all ranks share a machine,
/// else over the job's network alone. A rank that is silent there is asked over TCP.
///
/// Outside MPI on purpose: it must speak while MPI waits. A lost message means nothing, the next one follows. What comes is looked at
/// by a `HeartbeatInbox`.
package final class Heartbeat: @unchecked Sendable {
  /// The machine of each rank.
  package let hosts: [String]
  /// Whether every rank reached the one above it over TCP at the beginning.
  package let isOpen: Bool
  private let rank: Int
  private let key: [UInt8]
  private let addresses: [SocketAddress?]
  private let ports: [UInt16]
  private let socket: DatagramSocket?
  private let streams: StreamListener?
  private let wakeUp: WakeUp
  private let clock = ContinuousClock()
  private let sent = Atomic<UInt64>(0)
  /// Answers to questions, as they came.
  private let answers = Mutex<[[UInt8]]>([])
  private let questions = Atomic(0)
  private var inbox: HeartbeatInbox

  /// Questions that are under way at a time.
  private static let mostQuestions = 32

  /// All ranks make one together: they agree on a network, tell each other their addresses, and get rank 0's secret over MPI.
  package init(_ group: any Communicator, _ environment: [String: String] = processEnvironment()) throws {
    rank = group.rank
    wakeUp = try WakeUp()
    var key = HMAC.newKey()
    try key.withUnsafeMutableBytes { try group.broadcast($0, from: 0) }
    self.key = key
    let address = try HeartbeatNetwork.address(group, environment)
    socket = address.flatMap { DatagramSocket(boundTo: $0) }
    streams = address.flatMap { StreamListener(boundTo: $0) }
    // A rank without a socket says so by port 0; it is silent, and hears nobody.
    var card = MessageWriter()
    let own = socket?.localAddress
    card.add(own?.port ?? 0)
    card.add(streams?.port ?? 0)
    card.add(own?.address.high ?? 0)
    card.add(own?.address.low ?? 0)
    let cards = try group.allGather(card.bytes + Array(group.hostName.utf8)).map { MessageReader($0) }
    var (hosts, ports, addresses): ([String], [UInt16], [SocketAddress?]) = ([], [], [])
    for var card in cards {
      let (port, streamPort) = (card.word16() ?? 0, card.word16() ?? 0)
      let address = IPAddress(high: card.word64() ?? 0, low: card.word64() ?? 0)
      addresses.append(port == 0 ? nil : SocketAddress(address, port: port))
      ports.append(streamPort)
      hosts.append(String(decoding: card.rest, as: UTF8.self))
    }
    (self.hosts, self.ports, self.addresses) = (hosts, ports, addresses)
    let nowhere = SocketAddress(IPAddress(high: 0, low: 0), port: 0)
    inbox = HeartbeatInbox(rank: rank, addresses: addresses.map { $0 ?? nowhere }, key: key)
    let parent = HeartbeatTree(hosts: hosts).parents[rank]
    let reachesParent = parent.map { parent in
      guard let address = addresses[parent]?.address, ports[parent] != 0 else { return false }
      return Stream(to: SocketAddress(address, port: ports[parent]), within: .seconds(1)) != nil
    }
    let reached = try group.allGather([reachesParent ?? true ? 1 : 0])
    isOpen = reached.allSatisfy { $0 == [1] }
    let silent = addresses.indices.filter { addresses[$0] == nil }
    if rank == 0, let first = silent.first {
      writeLine(
        "recur: \(silent.count) of \(group.size) ranks, rank \(first) on \(hosts[first]) among them, have no address for heartbeats: where they hang, nobody notices"
      )
    }
  }

  /// Where this rank listens.
  package var address: SocketAddress? { socket?.localAddress }

  /// Tells one rank.
  package func send(_ subject: HeartbeatMessage.Body, to peer: Int) {
    guard let socket, let address = addresses[peer] else { return }
    socket.send(message(subject, to: peer).sealed(key), to: address)
  }

  private func message(_ subject: HeartbeatMessage.Body, to peer: Int) -> HeartbeatMessage {
    let number = sent.wrappingAdd(1, ordering: .relaxed).newValue
    return HeartbeatMessage(from: rank, to: peer, count: number, subject)
  }

  /// Ends `listen` early, from another thread.
  func wake() { wakeUp.ring() }

  /// Takes in what comes until then, or until `wake()`.
  package func listen(until end: ContinuousClock.Instant, for listener: any HeartbeatListener) {
    repeat {
      let left = max(.zero, end - clock.now).components
      let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
      var requests = [wakeUp.descriptor, socket?.descriptor ?? -1, streams?.descriptor ?? -1].map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      // At least one millisecond: an error on the socket must not make this loop spin.
      guard poll(&requests, 3, Int32(milliseconds) + 1) > 0 else { continue }
      if requests[0].revents != 0 {
        wakeUp.clear()
        let come = answers.withLock { answers in
          defer { answers = [] }
          return answers
        }
        if come.isEmpty { return }
        for bytes in come {
          if let message = inbox.take(bytes, from: nil), !listener.take(message) { return }
        }
      }
      if requests[1].revents != 0, !receive(for: listener) { return }
      if requests[2].revents != 0 { reply(listener) }
    } while clock.now < end
  }

  /// Takes what lies there, a bounded number: a flood must not keep the watchdog from looking.
  private func receive(for listener: any HeartbeatListener) -> Bool {
    for _ in 0..<4 * (addresses.count + 16) {
      guard let (bytes, sender) = socket?.receive(atMost: HeartbeatMessage.longest) else { return true }
      if let message = inbox.take(bytes, from: sender), !listener.take(message) { return false }
    }
    return true
  }

  /// Answers one question.
  private func reply(_ listener: any HeartbeatListener) {
    guard let stream = streams?.accept(), let bytes = stream.receive(within: .milliseconds(100)),
      let message = inbox.take(bytes, from: nil), message.subject == .question
    else { return }
    stream.send(self.message(.direct(listener.answer), to: message.from).sealed(key))
  }
}

extension Heartbeat {
  /// Asks ranks over TCP what they are at: a network may drop datagrams alone. Their answers come as messages.
  package func ask(_ ranks: [Int], within time: Duration) {
    for rank in ranks {
      guard let address = addresses[rank]?.address, ports[rank] != 0 else { continue }
      guard questions.wrappingAdd(1, ordering: .relaxed).newValue <= Self.mostQuestions else {
        questions.wrappingSubtract(1, ordering: .relaxed)
        return
      }
      let question = message(.question, to: rank).sealed(key)
      let place = SocketAddress(address, port: ports[rank])
      let thread = try? startThread { [self] in
        defer { questions.wrappingSubtract(1, ordering: .relaxed) }
        guard let stream = Stream(to: place, within: time), stream.send(question),
          let bytes = stream.receive(within: time)
        else { return }
        answers.withLock { $0.append(bytes) }
        wakeUp.ring()
      }
      if let thread { pthread_detach(thread) } else { questions.wrappingSubtract(1, ordering: .relaxed) }
    }
  }
}

/// Ends a wait in `poll` from another thread.
private final class WakeUp: Sendable {
  let descriptor: Int32
  private let bell: Int32

  init() throws {
    let pipe = try Pipe()
    (descriptor, bell) = (pipe.reading, pipe.writing)
  }

  func ring() { _ = write(bell, [1], 1) }

  /// Called when it has rung.
  func clear() {
    var bytes = [UInt8](repeating: 0, count: 64)
    _ = read(descriptor, &bytes, bytes.count)
  }

  deinit {
    close(descriptor)
    close(bell)
  }
}
