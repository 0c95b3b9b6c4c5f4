#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a socket is reached.
package struct SocketAddress: Hashable, Sendable {
  package var address: IPAddress
  package var port: UInt16

  package init(_ address: IPAddress, port: UInt16) { (self.address, self.port) = (address, port) }

  /// `10.0.0.1:7001` or `[fd00::1]:7001`; nil for anything else.
  package init?(_ text: some Collection<UInt8>) {
    let text = Array(text)
    guard let colon = text.lastIndex(of: UInt8(ascii: ":")),
      let port = decimal(text[(colon + 1)...], in: 1...65535)
    else { return nil }
    let isBracketed = text.first == UInt8(ascii: "[") && colon > 1 && text[colon - 1] == UInt8(ascii: "]")
    guard let address = IPAddress(isBracketed ? text[1..<colon - 1] : text[..<colon]),
      isBracketed == (address.v4 == nil)
    else { return nil }
    self.init(address, port: UInt16(port))
  }

  package var text: String { address.v4 == nil ? "[\(address.text)]:\(port)" : "\(address.text):\(port)" }

  /// nil for one of another kind than IPv4 and IPv6.
  init?(_ system: UnsafeMutablePointer<sockaddr>?) {
    guard let system else { return nil }
    switch Int32(system.pointee.sa_family) {
    case AF_INET:
      self = system.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { four in
        SocketAddress(
          IPAddress(v4: UInt32(bigEndian: four.pointee.sin_addr.s_addr)),
          port: UInt16(bigEndian: four.pointee.sin_port))
      }
    case AF_INET6:
      self = system.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { six in
        SocketAddress(IPAddress(six.pointee.sin6_addr), port: UInt16(bigEndian: six.pointee.sin6_port))
      }
    default: return nil
    }
  }

  /// What a call filled in.
  init?(_ fill: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Bool) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let address: SocketAddress?? = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { fill($0, &length) ? SocketAddress($0) : nil }
    }
    guard case let address?? = address else { return nil }
    self = address
  }

  func withSystem<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    if let four = address.v4 {
      var system = sockaddr_in()
      system.sin_family = sa_family_t(AF_INET)
      system.sin_port = port.bigEndian
      system.sin_addr.s_addr = four.bigEndian
      return Self.with(&system, body)
    }
    var system = sockaddr_in6()
    system.sin6_family = sa_family_t(AF_INET6)
    system.sin6_port = port.bigEndian
    system.sin6_addr = address.system
    return Self.with(&system, body)
  }

  private static func with<System, Result>(
    _ system: inout System, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    withUnsafePointer(to: &system) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<System>.size))
      }
    }
  }
}
