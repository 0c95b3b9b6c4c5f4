#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An address of IPv4 or IPv6: 16 bytes as two numbers, the first byte highest. IPv4's are those that IPv6 has for them, `::ffff:a.b.c.d`.
package struct IPAddress: Hashable, Sendable, Comparable {
  package let high: UInt64
  package let low: UInt64

  package static let loopback = IPAddress(v4: 0x7f00_0001)
  private static let mapped: UInt64 = 0xffff

  package init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

  package init(v4 number: UInt32) { self.init(high: 0, low: Self.mapped << 32 | UInt64(number)) }

  /// The address of IPv4, the first byte highest; nil for one of IPv6.
  package var v4: UInt32? {
    high == 0 && low >> 32 == Self.mapped ? UInt32(truncatingIfNeeded: low) : nil
  }

  /// How many bits an address of its kind has.
  package var width: Int { v4 == nil ? 128 : 32 }

  package var isLoopback: Bool { v4.map { $0 >> 24 == 127 } ?? (high == 0 && low == 1) }

  /// Whether it means something on one link only.
  package var isLinkLocal: Bool { v4.map { $0 >> 16 == 0xa9fe } ?? (high >> 54 == 0x3fa) }

  package static func < (a: IPAddress, b: IPAddress) -> Bool { (a.high, a.low) < (b.high, b.low) }

  /// The leading bits, counted as its kind counts them; the others are zero.
  package func prefix(_ bits: Int) -> IPAddress {
    let bits = bits + 128 - width
    return IPAddress(high: high & Self.mask(bits), low: low & Self.mask(bits - 64))
  }

  private static func mask(_ bits: Int) -> UInt64 { bits <= 0 ? 0 : bits >= 64 ? .max : .max << (64 - bits) }
}

extension IPAddress {
  /// `10.0.0.1` or `fd00::1`; nil for anything else.
  package init?(_ text: some Collection<UInt8>) {
    if let number = Self.v4(text) {
      self.init(v4: number)
      return
    }
    guard text.count <= 45, text.contains(UInt8(ascii: ":")), !text.contains(0) else { return nil }
    var system = in6_addr()
    guard inet_pton(AF_INET6, String(decoding: text, as: UTF8.self), &system) == 1 else { return nil }
    self.init(system)
  }

  private static func v4(_ text: some Collection<UInt8>) -> UInt32? {
    let words = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let bytes = words.compactMap { $0.count <= 3 ? decimal($0, in: 0...255) : nil }
    guard words.count == 4, bytes.count == 4 else { return nil }
    return bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }

  package var text: String {
    if let v4 { return [24, 16, 8, 0].map { "\(v4 >> $0 & 0xff)" }.joined(separator: ".") }
    var system = system
    return Collective.text { _ = inet_ntop(AF_INET6, &system, $0, 46) }
  }

  init(_ system: in6_addr) {
    let bytes = withUnsafeBytes(of: system) { Array($0) }
    func number(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(high: number(bytes[..<8]), low: number(bytes[8...]))
  }

  var system: in6_addr {
    var result = in6_addr()
    withUnsafeMutableBytes(of: &result) { bytes in
      for byte in 0..<16 {
        bytes[byte] = UInt8(truncatingIfNeeded: (byte < 8 ? high : low) >> (8 * UInt64(7 - byte % 8)))
      }
    }
    return result
  }
}

/// An address of this machine.
package struct LocalAddress: Equatable, Sendable {
  package var device: String
  package var address: IPAddress
  /// How many bits of it are the network's.
  package var bits: Int

  package init(device: String, address: IPAddress, bits: Int) {
    (self.device, self.address, self.bits) = (device, address, bits)
  }

  /// Those of this machine's running devices, IPv4's first; loopback and what means something on one link only are left out.
  package static func ofMachine() -> [LocalAddress] {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return [] }
    defer { freeifaddrs(first) }
    let devices = sequence(first: first) { $0?.pointee.ifa_next }.prefix { $0 != nil }.compactMap {
      $0?.pointee
    }
    let all = devices.compactMap { device -> LocalAddress? in
      let flags = Int32(bitPattern: device.ifa_flags)
      guard flags & Int32(IFF_UP) != 0, let address = SocketAddress(device.ifa_addr)?.address,
        let mask = SocketAddress(device.ifa_netmask)?.address, !address.isLoopback, !address.isLinkLocal
      else { return nil }
      let bits = mask.v4.map(\.nonzeroBitCount) ?? mask.high.nonzeroBitCount + mask.low.nonzeroBitCount
      return LocalAddress(device: String(cString: device.ifa_name), address: address, bits: bits)
    }
    return all.filter { $0.address.v4 != nil } + all.filter { $0.address.v4 == nil }
  }
}

extension IPAddress {
  /// Which address of this machine packets to this one leave from; nil where there is no way.
  package var source: IPAddress? {
    guard let socket = DatagramSocket(for: self), socket.connect(to: SocketAddress(self, port: 9)) else {
      return nil
    }
    return socket.localAddress?.address
  }

  /// The first address of a machine by its name, perhaps after `user@`, of IPv4 where it has one; nil where it is not known.
  static func resolve(_ host: String) -> IPAddress? {
    let name = String(
      decoding: host.utf8.split(separator: UInt8(ascii: "@")).last.map { Array($0) } ?? [], as: UTF8.self)
    for family in [AF_INET, AF_INET6] {
      var hints = addrinfo()
      hints.ai_family = family
      var first: UnsafeMutablePointer<addrinfo>?
      guard getaddrinfo(name, nil, &hints, &first) == 0 else { continue }
      defer { freeaddrinfo(first) }
      if let address = SocketAddress(first?.pointee.ai_addr)?.address { return address }
    }
    return nil
  }
}
