#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A UDP socket of IPv4, bound to one address of this machine. Never waits but in `wait`.
package final class DatagramSocket: Sendable {
  package struct Address: Hashable, Sendable {
    package var address: UInt32
    package var port: UInt16

    package init(address: UInt32, port: UInt16) { (self.address, self.port) = (address, port) }
  }

  let descriptor: Int32

  /// - boundTo: an address of this machine; the system chooses the port. nil: bound to none, for sending alone.
  /// - Returns: nil where the system has no such socket.
  package init?(boundTo address: UInt32?) {
    #if os(Linux)
      descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    #else
      descriptor = socket(AF_INET, SOCK_DGRAM, 0)
    #endif
    guard descriptor >= 0 else { return nil }
    guard let address else { return }
    guard with(Address(address: address, port: 0), { bind(descriptor, $0, $1) }) == 0 else { return nil }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Where others reach it.
  package var localAddress: Address? {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    return code == 0 ? Address(address) : nil
  }

  /// Sends nothing: only chooses the way.
  func connect(to address: UInt32, port: UInt16) -> Bool {
    #if canImport(Glibc)
      let connect = Glibc.connect
    #elseif canImport(Musl)
      let connect = Musl.connect
    #else
      let connect = Darwin.connect
    #endif
    return with(Address(address: address, port: port)) { connect(descriptor, $0, $1) } == 0
  }

  /// What can't be sent at once is lost, as on the way.
  @discardableResult
  package func send(_ bytes: [UInt8], to address: Address) -> Bool {
    with(address) { sendto(descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT), $0, $1) } == bytes.count
  }

  /// The next datagram that has come, and its sender; nil where there is none.
  /// - count: how many bytes a datagram must have; of others nothing is kept.
  /// - Returns: no bytes for a datagram of another length.
  package func receive(count: Int) -> (bytes: [UInt8], from: Address)? {
    var sender = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    // One more than wanted tells a longer one.
    var buffer = [UInt8](repeating: 0, count: count + 1)
    let received = withUnsafeMutablePointer(to: &sender) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        recvfrom(descriptor, &buffer, count + 1, Int32(MSG_DONTWAIT), $0, &length)
      }
    }
    guard received >= 0 else { return nil }
    return (received == count ? Array(buffer[..<count]) : [], Address(sender))
  }

  private func with<Result>(
    _ address: Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var system = sockaddr_in()
    system.sin_family = sa_family_t(AF_INET)
    system.sin_port = address.port.bigEndian
    system.sin_addr.s_addr = address.address.bigEndian
    return withUnsafePointer(to: &system) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}

extension DatagramSocket.Address {
  fileprivate init(_ system: sockaddr_in) {
    self.init(address: UInt32(bigEndian: system.sin_addr.s_addr), port: UInt16(bigEndian: system.sin_port))
  }
}
