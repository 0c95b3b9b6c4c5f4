import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Memory that begins at a cache line; having none of it is an error, not a trap.
final class AlignedBytes: @unchecked Sendable {
  static let none = AlignedBytes()
  let bytes: UnsafeMutableRawBufferPointer

  private init() { bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0) }

  init(count: Int) throws(Failure) {
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, 64, max(count, 64)) == 0, let memory else {
      throw Failure(.unavailable, "there is no memory for \(count) bytes of tensors")
    }
    bytes = UnsafeMutableRawBufferPointer(start: memory, count: count)
  }

  deinit { free(bytes.baseAddress) }
}

/// Whether two pieces of memory of one size hold the same.
func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeMutableRawBufferPointer) -> Bool {
  a.count == b.count && (a.isEmpty || memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0)
}
