#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Addresses of IPv4 as numbers, the first byte highest.
package enum IPv4 {
  package static let loopback: UInt32 = 0x7f00_0001

  /// An address of this machine.
  package struct Local: Equatable, Sendable {
    package var device: String
    package var address: UInt32
    /// How many bits of it are the network's.
    package var bits: Int

    package init(device: String, address: UInt32, bits: Int) {
      (self.device, self.address, self.bits) = (device, address, bits)
    }
  }

  /// "10.0.0.1"; nil for anything else.
  package static func address(_ text: some Collection<UInt8>) -> UInt32? {
    let words = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let bytes = words.compactMap { $0.count <= 3 ? decimal($0, in: 0...255) : nil }
    guard words.count == 4, bytes.count == 4 else { return nil }
    return bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }

  package static func text(_ address: UInt32) -> String {
    [24, 16, 8, 0].map { "\(address >> $0 & 0xff)" }.joined(separator: ".")
  }

  /// The leading bits; the others are zero.
  static func prefix(_ address: UInt32, _ bits: Int) -> UInt32 {
    bits == 0 ? 0 : address & (UInt32.max << (32 - UInt32(bits)))
  }

  /// Those of this machine's running devices; loopback is left out.
  package static func ofMachine() -> [Local] {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return [] }
    defer { freeifaddrs(first) }
    let devices = sequence(first: first) { $0?.pointee.ifa_next }.prefix { $0 != nil }.compactMap {
      $0?.pointee
    }
    return devices.compactMap { device in
      let flags = Int32(bitPattern: device.ifa_flags)
      guard flags & Int32(IFF_UP) != 0, flags & Int32(IFF_LOOPBACK) == 0,
        let address = Self.number(device.ifa_addr), let mask = Self.number(device.ifa_netmask)
      else { return nil }
      return Local(
        device: String(cString: device.ifa_name), address: address, bits: mask.nonzeroBitCount)
    }
  }

  /// Which address of this machine packets to another one leave from; nil where there is no way.
  package static func source(to address: UInt32) -> UInt32? {
    guard let socket = DatagramSocket(boundTo: nil), socket.connect(to: address, port: 9) else { return nil }
    return socket.localAddress?.address
  }

  /// The first address of a machine by its name, perhaps after `user@`; nil where it is not known.
  static func resolve(_ host: String) -> UInt32? {
    let name = String(
      decoding: host.utf8.split(separator: UInt8(ascii: "@")).last.map { Array($0) } ?? [], as: UTF8.self)
    var hints = addrinfo()
    hints.ai_family = AF_INET
    var first: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &first) == 0 else { return nil }
    defer { freeaddrinfo(first) }
    return number(first?.pointee.ai_addr)
  }

  private static func number(_ address: UnsafeMutablePointer<sockaddr>?) -> UInt32? {
    guard let address, address.pointee.sa_family == sa_family_t(AF_INET) else { return nil }
    return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
      UInt32(bigEndian: $0.pointee.sin_addr.s_addr)
    }
  }
}
