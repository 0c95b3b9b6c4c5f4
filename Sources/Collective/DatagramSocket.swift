#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A UDP socket of IPv4 or IPv6, bound to one address of this machine. Never waits but in `wait`.
package final class DatagramSocket: Sendable {
  let descriptor: Int32

  /// - boundTo: an address of this machine; the system chooses the port.
  /// - Returns: nil where the system has no such socket.
  package convenience init?(boundTo address: IPAddress) {
    self.init(for: address)
    guard bindSocket(descriptor, to: address) else { return nil }
  }

  /// A socket for sending alone, bound to nothing.
  /// - for: where to, or an address of the same kind.
  package init?(for address: IPAddress) {
    guard let descriptor = openSocket(.datagram, for: address) else { return nil }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Where others reach it.
  package var localAddress: SocketAddress? { localSocketAddress(descriptor) }

  /// Sends nothing: only chooses the way.
  func connect(to address: SocketAddress) -> Bool { connectSocket(descriptor, to: address) }

  /// What can't be sent at once is lost, as on the way.
  @discardableResult
  package func send(_ bytes: [UInt8], to address: SocketAddress) -> Bool {
    address.withSystem { sendto(descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT), $0, $1) } == bytes.count
  }

  /// The next datagram that has come, and its sender; nil where there is none.
  /// - atMost: of longer ones nothing is kept.
  /// - Returns: no bytes for a datagram that is longer.
  package func receive(atMost count: Int) -> (bytes: [UInt8], from: SocketAddress)? {
    // One more than wanted tells a longer one.
    var buffer = [UInt8](repeating: 0, count: count + 1)
    var received = 0
    let sender = SocketAddress {
      received = recvfrom(descriptor, &buffer, count + 1, Int32(MSG_DONTWAIT), $0, &$1)
      return received >= 0
    }
    guard let sender else { return nil }
    return (received <= count ? Array(buffer[..<received]) : [], sender)
  }
}
