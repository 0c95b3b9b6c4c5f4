import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An open file whose reads and writes are complete or throw.
///
/// A descriptor may be used by several threads; what is written from where is its user's affair.
package final class OpenFile: @unchecked Sendable {
  package let path: String
  package let descriptor: Int32
  private let system: FileSystem
  private var isOpen = true
  private var isLocked = false

  package init(path: String, descriptor: Int32, system: FileSystem) {
    self.path = path
    self.descriptor = descriptor
    self.system = system
  }

  deinit {
    if isOpen { _ = end() }
  }

  private func end() -> Int32 {
    // A child that another thread is just forking has a copy of the descriptor, which closing does not unlock.
    if isLocked { flock(descriptor, LOCK_UN) }
    return platformClose(descriptor)
  }

  /// Closes it, and throws what the system only tells now.
  package func close() throws(Failure) {
    guard isOpen else { return }
    isOpen = false
    // A close that fails has closed all the same; an interrupted one has too (Linux), so it is never repeated.
    let code = end() == 0 || errno == EINTR ? 0 : errno
    try system.perform(.close, path) { _ in
      errno = code
      return code == 0 ? 0 : -1
    }
  }
}

extension OpenFile {
  /// Bytes of a regular file; anything else throws.
  package func size() throws(Failure) -> Int {
    var status = stat()
    try system.perform(.status, path) { _ in Int(fstat(descriptor, &status)) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .badData("\(path) is not a regular file; name a file, such as one in a run's checkpoints/")
    }
    return Int(status.st_size)
  }

  package func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let chunk = UnsafeRawBufferPointer(rebasing: rest)
      let written = try system.perform(.write, path) { fault in
        if fault == .lost { return chunk.count }
        return platformWrite(descriptor, chunk.baseAddress!, fault == .short ? 1 : chunk.count)
      }
      if written == 0 { throw FileSystem.failure(.write, path, EIO) }
      rest = rest.dropFirst(written)
    }
  }

  /// Fills `bytes` unless the file ends before.
  /// - Returns: bytes read.
  package func read(into bytes: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    var count = 0
    while count < bytes.count {
      let got = try system.perform(.read, path) { fault in
        platformRead(descriptor, bytes.baseAddress! + count, fault == .short ? 1 : bytes.count - count)
      }
      if got == 0 { break }
      count += got
    }
    return count
  }

  /// Returns when the content (of a directory: its names) would survive a power loss.
  package func synchronize(isDirectory: Bool = false) throws(Failure) {
    // Some network file systems can't synchronize directories and say EINVAL; they have no other way.
    try system.perform(.synchronize, path, tolerating: isDirectory ? [EINVAL] : []) { _ in
      Int(fsync(descriptor))
    }
  }

  package func truncate(to count: Int) throws(Failure) {
    try system.perform(.truncate, path) { _ in Int(ftruncate(descriptor, off_t(count))) }
  }

  /// Where the next read or write begins.
  package func seek(to offset: Int) throws(Failure) {
    try system.perform(.read, path) { _ in Int(lseek(descriptor, off_t(offset), SEEK_SET)) }
  }

  package enum Lock { case taken, heldByAnother, unsupported }

  /// Tries to become the one owner of a file or directory. The lock ends with the process at the latest.
  package func lock() throws(Failure) -> Lock {
    // NFS locks only what is open for writing, which a directory never is: EBADF.
    let unsupported = [ENOLCK, EOPNOTSUPP, ENOSYS, EBADF]
    let result = try system.perform(.lock, path, tolerating: unsupported + [EWOULDBLOCK]) { _ in
      Int(flock(descriptor, LOCK_EX | LOCK_NB))
    }
    isLocked = result == 0
    return result == 0 ? .taken : result == -Int(EWOULDBLOCK) ? .heldByAnother : .unsupported
  }
}

private func platformClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
private func platformRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
  read(descriptor, bytes, count)
}
private func platformWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
