#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Memory that several processes of a machine see. It has no name and goes with the last of them, however they end.
package final class SharedMemory: @unchecked Sendable {
  package let base: UnsafeMutableRawPointer
  package let size: Int
  /// Where another process of the machine finds it while the file is open.
  package let address: String
  private var file: Int32

  /// New memory, all zeros.
  package init(size: Int) throws(Failure) {
    file = Self.unnamedFile()
    guard file >= 0 else { throw Self.failure(size) }
    // Reserved now: a lack of memory is an error here and no signal later.
    let code = size > 0 ? posix_fallocate(file, 0, off_t(size)) : 0
    guard code == 0, let base = Self.map(file, size) else {
      close(file)
      errno = code
      throw Self.failure(size)
    }
    (self.base, self.size, address) = (base, size, "/proc/\(getpid())/fd/\(file)")
  }

  /// The memory another process made.
  package init(address: String, size: Int) throws(Failure) {
    file = open(address, O_RDWR | O_CLOEXEC)
    guard file >= 0, let base = Self.map(file, size) else {
      if file >= 0 { close(file) }
      throw Self.failure(size)
    }
    (self.base, self.size, self.address) = (base, size, address)
  }

  /// The first eight bytes.
  package var word: UInt64 {
    get { withExtendedLifetime(self) { base.load(as: UInt64.self) } }
    set { withExtendedLifetime(self) { base.storeBytes(of: newValue, as: UInt64.self) } }
  }

  deinit {
    munmap(base, max(1, size))
    closeFile()
  }

  /// Once all have found it.
  package func closeFile() {
    if file >= 0 { close(file) }
    file = -1
  }

  /// `memfd_create` of Linux, which Swift does not import; -1 elsewhere.
  private static func unnamedFile() -> Int32 {
    typealias Create = @convention(c) (UnsafePointer<CChar>, UInt32) -> Int32
    guard let symbol = dlsym(nil, "memfd_create") else { return -1 }
    let closeOnExec: UInt32 = 1
    return unsafeBitCast(symbol, to: Create.self)("recur", closeOnExec)
  }

  private static func map(_ file: Int32, _ size: Int) -> UnsafeMutableRawPointer? {
    let base = mmap(nil, max(1, size), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    return base == MAP_FAILED ? nil : base
  }

  private static func failure(_ size: Int) -> Failure {
    .inputOutput("can't share \(size >> 20) MB of memory between the ranks of this machine: \(systemError())")
  }
}

/// What the last system call said.
package func systemError() -> String { String(cString: strerror(errno)) }
