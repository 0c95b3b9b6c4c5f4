import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A TCP connection for one short message each way, with its length before it. No call waits longer than it is told.
final class Stream {
  private let descriptor: Int32

  fileprivate init(_ descriptor: Int32) {
    self.descriptor = descriptor
    setNonblocking(descriptor)
  }

  /// - Returns: nil where nobody answers in time.
  convenience init?(to address: SocketAddress, within time: Duration) {
    guard let descriptor = openSocket(.stream, for: address.address) else { return nil }
    self.init(descriptor)
    if connectSocket(descriptor, to: address) { return }
    var (code, length) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
    guard errno == EINPROGRESS, isReady(Int32(POLLOUT), until: .now + time),
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0, code == 0
    else { return nil }
  }

  deinit { close(descriptor) }

  private func isReady(_ events: Int32, until end: ContinuousClock.Instant) -> Bool {
    let left = max(.zero, end - .now).components
    var request = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    return poll(&request, 1, Int32(left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000)) > 0
  }

  /// A message is far smaller than what a connection takes at once.
  @discardableResult
  func send(_ message: [UInt8]) -> Bool {
    let bytes = [UInt8(message.count & 0xff), UInt8(message.count >> 8)] + message
    return sendBytes(bytes, on: descriptor) == bytes.count
  }

  /// - Returns: nil where no whole message of a heartbeat's length comes in time.
  func receive(within time: Duration) -> [UInt8]? {
    let end = ContinuousClock.now + time
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: HeartbeatMessage.longest + 2)
    while bytes.count < 2 || bytes.count < 2 + Int(bytes[0]) + Int(bytes[1]) << 8 {
      guard bytes.count < piece.count, isReady(Int32(POLLIN), until: end) else { return nil }
      let count = recv(descriptor, &piece, piece.count - bytes.count, 0)
      guard count > 0 else { return nil }
      bytes += piece[..<count]
    }
    return Array(bytes[2..<2 + Int(bytes[0]) + Int(bytes[1]) << 8])
  }
}

/// Where other ranks ask over TCP.
final class StreamListener: Sendable {
  let descriptor: Int32

  /// - boundTo: an address of this machine.
  /// - port: 0 for one that the system chooses.
  init?(boundTo address: IPAddress, port: UInt16 = 0) {
    guard let descriptor = openSocket(.stream, for: address) else { return nil }
    self.descriptor = descriptor
    setNonblocking(descriptor)
    guard bindSocket(descriptor, to: address, port: port), listen(descriptor, 1024) == 0 else { return nil }
  }

  deinit { close(descriptor) }

  var port: UInt16 { localSocketAddress(descriptor)?.port ?? 0 }

  func accept() -> Stream? { acceptConnection(descriptor).map { Stream($0) } }
}
