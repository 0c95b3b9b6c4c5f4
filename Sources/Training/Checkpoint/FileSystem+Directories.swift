import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension FileSystem {
  /// The names in a directory, sorted; nil where there is none.
  func names(in path: String) throws(Failure) -> [String]? {
    var names: [String] = []
    let result = try perform(.list, path, tolerating: [ENOENT]) { _ in
      guard let directory = opendir(path) else { return -1 }
      defer { closedir(directory) }
      names = []
      errno = 0
      while let entry = readdir(directory) {
        names.append(withUnsafePointer(to: &entry.pointee.d_name.0) { String(cString: $0) })
      }
      return errno == 0 ? 0 : -1
    }
    return result == 0 ? names.filter { $0 != "." && $0 != ".." }.sorted() : nil
  }

  func isDirectory(_ path: String) -> Bool {
    var status = stat()
    let result = try? perform(.status, path) { _ in Int(stat(path, &status)) }
    return result == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Makes a directory and those above it, durably.
  func makeDirectories(_ path: String) throws(Failure) {
    if isDirectory(path) { return }
    let parent = FileSystem.directory(of: path)
    if parent != path { try makeDirectories(parent) }
    let result = try perform(.makeDirectory, path, tolerating: [EEXIST]) { _ in Int(mkdir(path, 0o777)) }
    if result < 0, !isDirectory(path) {
      throw .usage("\(path) is not a directory; choose another")
    }
    try synchronizeDirectory(parent)
  }

  /// Makes the names in a directory durable.
  func synchronizeDirectory(_ path: String) throws(Failure) {
    let directory = try open(path, .directory)
    try directory.synchronize(isDirectory: true)
    try directory.close()
  }

  func rename(_ old: String, to new: String) throws(Failure) {
    try perform(.rename, new) { _ in Int(platformRename(old, new)) }
  }

  /// Removes a file or link; it is no error if it is gone already.
  func remove(_ path: String) throws(Failure) {
    try perform(.remove, path, tolerating: [ENOENT]) { _ in Int(unlink(path)) }
  }

  func link(_ path: String, to target: String) throws(Failure) {
    try perform(.link, path) { _ in Int(symlink(target, path)) }
  }

  /// Puts a short text into place: the file holds the old text or the new one, whatever happens.
  func replace(_ path: String, with text: String) throws(Failure) {
    try replace(path) { temporary throws(Failure) in
      let file = try open(temporary, .create)
      try Array(text.utf8).withUnsafeBufferPointer { bytes throws(Failure) in
        try file.write(UnsafeRawBufferPointer(bytes))
      }
      try file.synchronize()
      try file.close()
    }
  }

  /// Puts a link into place.
  func replaceLink(_ path: String, to target: String) throws(Failure) {
    try replace(path) { temporary throws(Failure) in
      try remove(temporary)
      try link(temporary, to: target)
    }
  }

  /// Lets `make` create a file under a temporary name in the same directory, renames it, and synchronizes the directory.
  func replace(_ path: String, _ make: (_ temporary: String) throws(Failure) -> Void) throws(Failure) {
    let temporary = "\(path)\(FileSystem.temporaryMark)\(getpid())"
    do throws(Failure) {
      try make(temporary)
      try rename(temporary, to: path)
    } catch {
      try? remove(temporary)
      throw error
    }
    try synchronizeDirectory(FileSystem.directory(of: path))
  }

  /// In the name of every file that is not in its place yet.
  static let temporaryMark = ".tmp-"

  /// The directory a path lies in.
  static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The path from the root, without a slash at its end.
  static func absolute(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    if path.hasPrefix("/") { return path }
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

private func platformRename(_ old: String, _ new: String) -> Int32 { rename(old, new) }

extension FileSystem {
  /// Whether there is anything under this name, a link that leads nowhere included.
  func exists(_ path: String) -> Bool {
    var status = stat()
    return (try? perform(.status, path) { _ in Int(lstat(path, &status)) }) == 0
  }

  /// What a link says, or nil where there is no link.
  func linkTarget(_ path: String) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { text in
      let count = try? perform(.status, path) { _ in readlink(path, text.baseAddress!, text.count) }
      guard let count else { return nil }
      return String(decoding: UnsafeRawBufferPointer(text)[..<count], as: UTF8.self)
    }
  }
}
