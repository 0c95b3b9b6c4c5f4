import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Two descriptors: what is written to one is read from the other. Programs that are started get neither unless it is given to them;
/// whoever made it closes both.
package struct Pipe {
  package let reading: Int32
  package let writing: Int32

  /// - Throws: `unavailable` where the system has no more descriptors.
  package init() throws(Failure) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw Failure(.unavailable, "can't make a pipe: \(systemError())") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (reading, writing) = (ends[0], ends[1])
  }
}
