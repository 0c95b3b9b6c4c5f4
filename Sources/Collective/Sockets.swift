#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

// The system's calls of sockets, under names that no method here has.

enum SocketType { case datagram, stream }

/// - for: an address of the kind that it is to reach.
/// - Returns: a descriptor that programs started from here don't get; nil where the system has no such socket.
func openSocket(_ type: SocketType, for address: IPAddress) -> Int32? {
  let family = address.v4 == nil ? AF_INET6 : AF_INET
  let system = type == .datagram ? SOCK_DGRAM : SOCK_STREAM
  #if os(Linux)
    let descriptor = socket(family, Int32(system.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  #else
    let descriptor = socket(family, system, 0)
    if descriptor >= 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
  #endif
  return descriptor < 0 ? nil : descriptor
}

/// From now on no call waits.
func setNonblocking(_ descriptor: Int32) {
  _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
}

/// - port: 0 for one that the system chooses.
func bindSocket(_ descriptor: Int32, to address: IPAddress, port: UInt16 = 0) -> Bool {
  SocketAddress(address, port: port).withSystem { bind(descriptor, $0, $1) } == 0
}

func connectSocket(_ descriptor: Int32, to address: SocketAddress) -> Bool {
  address.withSystem { connect(descriptor, $0, $1) } == 0
}

/// Where this socket's own end is.
func localSocketAddress(_ descriptor: Int32) -> SocketAddress? {
  SocketAddress { getsockname(descriptor, $0, &$1) == 0 }
}

/// - Returns: the next connection that has come, nil where there is none.
func acceptConnection(_ descriptor: Int32) -> Int32? {
  let connection = accept(descriptor, nil, nil)
  guard connection >= 0 else { return nil }
  _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
  return connection
}

/// - Returns: how many bytes were taken, below 0 where none could be; a peer that is gone costs no signal.
func sendBytes(_ bytes: [UInt8], on descriptor: Int32) -> Int {
  #if os(Linux)
    return send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  #else
    return send(descriptor, bytes, bytes.count, 0)
  #endif
}
