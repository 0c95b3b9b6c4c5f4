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
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  /// - Returns: nil where nobody answers in time.
  convenience init?(to address: SocketAddress, within time: Duration) {
    guard let descriptor = Self.open(address.address) else { return nil }
    self.init(descriptor)
    #if canImport(Glibc)
      let connect = Glibc.connect
    #elseif canImport(Musl)
      let connect = Musl.connect
    #else
      let connect = Darwin.connect
    #endif
    if address.withSystem({ connect(descriptor, $0, $1) }) == 0 { return }
    var (code, length) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
    guard errno == EINPROGRESS, isReady(Int32(POLLOUT), until: .now + time),
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0, code == 0
    else { return nil }
  }

  deinit { close(descriptor) }

  fileprivate static func open(_ address: IPAddress) -> Int32? {
    #if canImport(Darwin)
      let type = SOCK_STREAM
    #else
      let type = Int32(SOCK_STREAM.rawValue)
    #endif
    let descriptor = socket(address.v4 == nil ? AF_INET6 : AF_INET, type, 0)
    return descriptor < 0 ? nil : descriptor
  }

  private func isReady(_ events: Int32, until end: ContinuousClock.Instant) -> Bool {
    let left = max(.zero, end - .now).components
    var request = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    return poll(&request, 1, Int32(left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000)) > 0
  }

  /// A message is far smaller than what a connection takes at once.
  @discardableResult
  func send(_ message: [UInt8]) -> Bool {
    let bytes = [UInt8(message.count & 0xff), UInt8(message.count >> 8)] + message
    #if os(Linux)
      return write(bytes, Int32(MSG_NOSIGNAL)) == bytes.count
    #else
      return write(bytes, 0) == bytes.count
    #endif
  }

  private func write(_ bytes: [UInt8], _ flags: Int32) -> Int {
    #if canImport(Glibc)
      return Glibc.send(descriptor, bytes, bytes.count, flags)
    #elseif canImport(Musl)
      return Musl.send(descriptor, bytes, bytes.count, flags)
    #else
      return Darwin.send(descriptor, bytes, bytes.count, flags)
    #endif
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
    guard let descriptor = Stream.open(address) else { return nil }
    self.descriptor = descriptor
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    let own = SocketAddress(address, port: port)
    guard own.withSystem({ bind(descriptor, $0, $1) }) == 0, listen(descriptor, 1024) == 0 else { return nil }
  }

  deinit { close(descriptor) }

  var port: UInt16 { SocketAddress { getsockname(descriptor, $0, &$1) == 0 }?.port ?? 0 }

  func accept() -> Stream? {
    #if canImport(Glibc)
      let connection = Glibc.accept(descriptor, nil, nil)
    #elseif canImport(Musl)
      let connection = Musl.accept(descriptor, nil, nil)
    #else
      let connection = Darwin.accept(descriptor, nil, nil)
    #endif
    return connection < 0 ? nil : Stream(connection)
  }
}
