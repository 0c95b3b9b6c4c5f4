import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A folder that only this user can look into, whatever the umask is. It goes with its owner, or with the process.
package final class TemporaryFolder {
  package let path: String

  /// In TMPDIR, or in /tmp.
  package init() throws(Failure) {
    let place = getenv("TMPDIR").map { String(cString: $0) } ?? ""
    guard place.isEmpty || place.utf8.first == UInt8(ascii: "/") else {
      throw .usage("TMPDIR is `\(place)`, which is no absolute path; set it to a folder such as /tmp")
    }
    var template = Array("\(place.isEmpty ? "/tmp" : place)/recur-XXXXXX".utf8CString)
    // mkdtemp makes it with mode 0700 less the umask.
    let made = template.withUnsafeMutableBufferPointer { name in
      mkdtemp(name.baseAddress!) != nil && chmod(name.baseAddress!, 0o700) == 0
    }
    let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    guard made else {
      throw .inputOutput(
        "can't make a temporary folder in \(Paths.folder(of: path)): \(systemError()); set TMPDIR")
    }
    self.path = path
    Leftovers.add(path)
  }

  deinit {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name.0) { String(cString: $0) }
        if name != ".", name != ".." { Leftovers.remove("\(path)/\(name)") }
      }
      closedir(directory)
    }
    Leftovers.remove(path)
  }

  /// Makes an empty file with mode 0600, open for writing and reading.
  package func make(_ name: String) throws(Failure) -> (path: String, descriptor: Int32) {
    let file = "\(path)/\(name)"
    Leftovers.add(file)
    let descriptor = platformOpen(file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Writing.failure(file, errno) }
    fchmod(descriptor, 0o600)
    return (file, descriptor)
  }

  /// Writes a file with mode 0600, and returns its path.
  package func write(_ name: String, _ bytes: some Collection<UInt8>) throws(Failure) -> String {
    let (file, descriptor) = try make(name)
    defer { _ = platformClose(descriptor) }
    try Writing.write(Array(bytes), to: descriptor, file)
    return file
  }

  /// The same, open for reading from its first byte; whoever asks closes it.
  package func opened(_ name: String, _ bytes: some Collection<UInt8>) throws(Failure) -> Int32 {
    let (file, descriptor) = try make(name)
    try Writing.write(Array(bytes), to: descriptor, file)
    lseek(descriptor, 0, SEEK_SET)
    return descriptor
  }
}
