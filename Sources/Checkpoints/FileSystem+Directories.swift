import Diagnostics
import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension FileSystem {
  package func isDirectory(_ path: String) -> Bool {
    var status = stat()
    let result = try? perform(.status, path) { _ in Int(stat(path, &status)) }
    return result == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether there is anything under this name, a link that leads nowhere included.
  package func exists(_ path: String) -> Bool {
    var status = stat()
    return (try? perform(.status, path) { _ in Int(lstat(path, &status)) }) == 0
  }

  /// Makes a directory and those above it, durably.
  package func makeDirectories(_ path: String) throws(Failure) {
    if isDirectory(path) { return }
    if try !makeDirectory(path), !isDirectory(path) {
      throw .usage("\(path) is not a directory; choose another")
    }
  }

  /// Makes a directory where there is nothing of this name, and those above it, durably.
  /// - Returns: whether there was nothing.
  func makeDirectory(_ path: String) throws(Failure) -> Bool {
    let parent = FileSystem.directory(of: path)
    if parent != path { try makeDirectories(parent) }
    let result = try perform(.makeDirectory, path, tolerating: [EEXIST]) { _ in Int(mkdir(path, 0o777)) }
    if result == 0 { try synchronizeDirectory(parent) }
    return result == 0
  }

  /// Makes the names in a directory durable.
  private func synchronizeDirectory(_ path: String) throws(Failure) {
    let directory = try Directory(path, self)
    try directory.synchronize()
    try directory.close()
  }

  /// The directory that a path names something in, and that name.
  func place(_ path: String) throws(Failure) -> (Directory, name: String) {
    let path = FileSystem.absolute(path)
    let name = Paths.name(of: path)
    return (try Directory(FileSystem.directory(of: path), self), name)
  }

  /// In the name of every file that is not in its place yet.
  package static let temporaryMark = ".tmp-"

  /// The directory a path lies in.
  static func directory(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The path from the root, without a slash at its end.
  package static func absolute(_ path: String) -> String {
    var path = path
    while path.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
    if path.utf8.first == UInt8(ascii: "/") { return path }
    guard let current = getcwd(nil, 0) else { return path }
    defer { free(current) }
    return path.isEmpty || path == "." ? String(cString: current) : String(cString: current) + "/" + path
  }

  static var owner: (process: Int32, host: String) {
    let host = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { name in
      name.initialize(repeating: 0)
      return gethostname(name.baseAddress!, 255) == 0 ? String(cString: name.baseAddress!) : "unknown"
    }
    return (getpid(), host)
  }
}
