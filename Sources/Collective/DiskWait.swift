import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Whether this process waits for a disk: a call of the file system is under way that was under way at the look before, or the system
/// says so of one of its threads (Linux' state D), as where a page of a mapped file is fetched.
struct DiskWait {
  private var last = FileCalls.Progress()

  /// One look.
  var isOn: Bool {
    mutating get {
      let now = FileCalls.progress
      defer { last = now }
      return now.underWay > 0 && (now.done != last.done || last.underWay > 0) || Self.isAThreadStuck
    }
  }

  private static var isAThreadStuck: Bool {
    guard let folder = opendir("/proc/self/task") else { return false }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let thread = decimal(name.utf8, in: 1...Int(pid_t.max)), isStuck(thread) { return true }
    }
    return false
  }

  private static func isStuck(_ thread: Int) -> Bool {
    guard let file = fopen("/proc/self/task/\(thread)/stat", "r") else { return false }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = fread(&bytes, 1, bytes.count, file)
    // "12 (a name, perhaps with marks) D 1 …"
    guard let end = bytes[..<count].lastIndex(of: UInt8(ascii: ")")), end + 2 < count else { return false }
    return bytes[end + 2] == UInt8(ascii: "D")
  }
}
