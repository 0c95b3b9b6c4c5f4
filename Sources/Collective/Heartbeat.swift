import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Small messages between the watchdogs of a group: UDP over IPv4, on the loopback device where two ranks share a machine.
///
/// Outside MPI on purpose: it must speak while MPI waits. A lost message means nothing, the next one follows. Each
/// carries a number drawn for this job, so that other programs' messages are not taken for it.
final class Heartbeat {
  struct Peer {
    let rank: Int
    let host: String
    /// When the last message came, and when the last one that told something new.
    fileprivate(set) var heard: ContinuousClock.Instant
    fileprivate(set) var changed: ContinuousClock.Instant
    fileprivate(set) var mark = RankProgress.Mark()
    fileprivate var addresses: [sockaddr_in]
  }

  private static let messageSize = 64

  private(set) var peers: [Peer] = []
  private let channel: Int32
  private let rank: Int
  private let token: UInt64
  private let clock = ContinuousClock()

  /// All ranks make one together: they tell each other their addresses.
  init(_ group: any Communicator) throws {
    channel = Self.openSocket()
    rank = group.rank
    let card = Card(
      host: group.hostName, token: .random(in: 0...UInt64.max), port: Self.port(of: channel),
      addresses: Self.machineAddresses())
    let cards = try group.allGather(card.bytes).map { Card(bytes: $0) }
    token = cards[0].token
    let now = clock.now
    peers = cards.enumerated().filter { $0.offset != group.rank }.map { rank, card in
      let loopback = card.host == group.hostName ? [UInt32(0x7f00_0001).bigEndian] : []
      return Peer(
        rank: rank, host: card.host, heard: now, changed: now,
        addresses: (loopback.isEmpty ? card.addresses : loopback).map { Self.address($0, card.port) })
    }
  }

  deinit { close(channel) }

  /// Tells every peer.
  func send(_ mark: RankProgress.Mark) {
    var message =
      [token, UInt64(rank), mark.position, mark.busyBeats] + mark.calls.indices.map { mark.calls[$0] }
    for peer in peers {
      for var address in peer.addresses {
        withUnsafePointer(to: &address) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            _ = sendto(
              channel, &message, Self.messageSize, Int32(MSG_DONTWAIT), $0,
              socklen_t(MemoryLayout<sockaddr_in>.size))
          }
        }
      }
    }
  }

  /// Ends `listen` early, from another thread.
  func wake() {
    var word = token
    var own = Self.address(UInt32(0x7f00_0001).bigEndian, Self.port(of: channel))
    withUnsafePointer(to: &own) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = sendto(channel, &word, 8, Int32(MSG_DONTWAIT), $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  /// Takes in what comes until then, or until `wake()`.
  func listen(until end: ContinuousClock.Instant) {
    repeat {
      let left = max(.zero, end - clock.now).components
      let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
      var request = pollfd(fd: channel, events: Int16(POLLIN), revents: 0)
      // At least one millisecond: an error on the socket must not make this loop spin.
      if poll(&request, 1, Int32(milliseconds) + 1) > 0, receive() { return }
    } while clock.now < end
  }

  /// Starts all clocks anew.
  func forget(_ now: ContinuousClock.Instant) {
    for i in peers.indices { (peers[i].heard, peers[i].changed) = (now, now) }
  }

  /// Takes one message; true where it asks to wake up.
  private func receive() -> Bool {
    var message = [UInt64](repeating: 0, count: Self.messageSize / 8)
    var sender = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let count = withUnsafeMutablePointer(to: &sender) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        recvfrom(channel, &message, Self.messageSize, Int32(MSG_DONTWAIT), $0, &length)
      }
    }
    if count == 8 && message[0] == token { return true }
    guard count == Self.messageSize, message[0] == token, message[1] < UInt64(peers.count + 1),
      message[1] != UInt64(rank)
    else {
      return false
    }
    let from = Int(message[1])
    let mark = RankProgress.Mark(
      position: message[2], busyBeats: message[3],
      calls: .init(message[4], message[5], message[6], message[7]))
    update(&peers[from < rank ? from : from - 1], mark, sender)
    return false
  }

  private func update(_ peer: inout Peer, _ mark: RankProgress.Mark, _ sender: sockaddr_in) {
    let now = clock.now
    peer.heard = now
    // From now on only to the address that is known to work.
    peer.addresses = [sender]
    if mark != peer.mark { (peer.mark, peer.changed) = (mark, now) }
  }
}

extension Heartbeat {
  /// What a rank tells about itself at the start.
  private struct Card {
    var host: String
    var token: UInt64
    var port: UInt16
    /// In network order.
    var addresses: [UInt32]

    init(host: String, token: UInt64, port: UInt16, addresses: [UInt32]) {
      (self.host, self.token, self.port, self.addresses) = (host, token, port, addresses)
    }

    init(bytes: [UInt8]) {
      token = UInt64(bitPattern: Int64(Int(bytes: Array(bytes[0..<8]))))
      port = UInt16(truncatingIfNeeded: Int(bytes: Array(bytes[8..<16])))
      let count = Int(bytes[16])
      addresses = (0..<count).map {
        UInt32(truncatingIfNeeded: Int(bytes: Array(bytes[17 + $0 * 8..<25 + $0 * 8])))
      }
      host = String(decoding: bytes[(17 + count * 8)...], as: UTF8.self)
    }

    var bytes: [UInt8] {
      Int(bitPattern: UInt(token)).bytes + Int(port).bytes + [UInt8(addresses.count)]
        + addresses.flatMap { Int($0).bytes } + Array(host.utf8)
    }
  }

  private static func openSocket() -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var any = address(0, 0)
    withUnsafePointer(to: &any) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    return descriptor
  }

  private static func port(of socket: Int32) -> UInt16 {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(socket, $0, &length) }
    }
    return UInt16(bigEndian: address.sin_port)
  }

  private static func address(_ networkOrder: UInt32, _ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = networkOrder
    return address
  }

  /// The IPv4 addresses of this machine's running devices, loopback left out; four at most.
  private static func machineAddresses() -> [UInt32] {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return [] }
    defer { freeifaddrs(first) }
    let devices = sequence(first: first) { $0?.pointee.ifa_next }.prefix { $0 != nil }.compactMap {
      $0?.pointee
    }
    return devices.compactMap { device -> UInt32? in
      let flags = Int32(bitPattern: device.ifa_flags)
      let wanted = Int32(IFF_UP)
      let unwanted = Int32(IFF_LOOPBACK)
      guard let address = device.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET),
        flags & wanted != 0,
        flags & unwanted == 0
      else { return nil }
      return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
    }.prefix(4).map { $0 }
  }
}
