import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Files that nobody else may read or has put there: made anew under a name of their own, never through a link.
package enum PrivateFile {
  /// Makes an empty file with mode 0600, and has it removed where the process ends before `release`.
  /// - folder: where.
  /// - Throws: `inputOutput`.
  package static func make(in folder: String) throws(Failure) -> (path: String, descriptor: Int32) {
    while true {
      let path = "\(folder)/.recur-\(String(UInt64.random(in: .min ... .max), radix: 36))"
      Leftovers.add(path)
      let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
      let descriptor = platformOpen(path, flags, 0o600)
      if descriptor >= 0 {
        // Under a umask that takes the owner's rights away as well.
        fchmod(descriptor, 0o600)
        return (path, descriptor)
      }
      Leftovers.forget(path)
      guard errno == EEXIST else { throw .inputOutput("can't write in \(folder): \(systemError())") }
    }
  }

  /// Removes it.
  package static func remove(_ path: String) { Leftovers.remove(path) }

  /// It is no longer in the making.
  static func release(_ path: String) { Leftovers.forget(path) }
}

/// Writing to a descriptor, whole or not at all.
enum Writing {
  /// - Throws: `inputOutput` with the reason.
  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ name: @autoclosure () -> String
  ) throws(Failure) {
    var rest = bytes
    while !rest.isEmpty {
      let count = platformWrite(descriptor, rest)
      if count >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        continue
      }
      switch errno {
      case EINTR: break
      case EAGAIN: try Interruption.wait(descriptor, for: POLLOUT, name())
      default: throw failure(name(), errno)
      }
    }
  }

  static func write(_ bytes: [UInt8], to descriptor: Int32, _ name: String) throws(Failure) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(Failure) in
      try write(UnsafeRawBufferPointer(bytes), to: descriptor, name)
    }
  }

  static func failure(_ name: String, _ code: Int32) -> Failure {
    let reason = code == EPIPE ? "its reader has gone" : String(cString: strerror(code))
    let advice = [ENOSPC, EDQUOT].contains(code) ? "; free some space, or choose another place" : ""
    return Failure(
      code == EPIPE ? .readerGone : .inputOutput, "\(name): can't be written: \(reason)\(advice)")
  }
}
