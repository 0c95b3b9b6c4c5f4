import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An open directory. Names are looked up inside of it, whatever its path has come to mean, and lead nowhere else: a link
/// is never followed, and only a regular file is opened.
///
/// The directory may be a stranger's (unpacked from an archive): what stands under a name is not what was expected until it
/// was looked at.
package final class Directory: Sendable {
  package let path: String
  package let fileSystem: FileSystem
  private let file: OpenFile

  package var descriptor: Int32 { file.descriptor }

  /// Opens the directory that a person named, wherever links lead.
  package convenience init(_ path: String, _ fileSystem: FileSystem) throws(Failure) {
    let opened = try fileSystem.perform(.open, path) { _ in Int(platformOpen(path, O_RDONLY | O_DIRECTORY)) }
    self.init(path, Int32(opened), fileSystem)
  }

  private init(_ path: String, _ descriptor: Int32, _ fileSystem: FileSystem) {
    self.path = path
    self.fileSystem = fileSystem
    file = OpenFile(path: path, descriptor: descriptor, system: fileSystem)
  }

  package func path(_ name: String) -> String { "\(path)/\(name)" }

  /// Makes the names in it durable.
  package func synchronize() throws(Failure) { try file.synchronize(isDirectory: true) }

  /// Tries to become its one owner.
  package func lock() throws(Failure) -> OpenFile.Lock { try file.lock() }
  package func close() throws(Failure) { try file.close() }

  /// Throws `inputOutput` where its path leads to another directory by now, or to none.
  package func requireInPlace() throws(Failure) {
    var (own, found) = (stat(), stat())
    try fileSystem.perform(.status, path) { _ in Int(fstat(descriptor, &own)) }
    let result = try fileSystem.perform(.status, path, tolerating: [ENOENT, ENOTDIR]) { _ in
      Int(stat(path, &found))
    }
    guard result == 0, own.st_dev == found.st_dev, own.st_ino == found.st_ino else {
      throw .inputOutput(
        "\(path) was moved or removed while it was in use; put it back, and go on with --resume auto")
    }
  }
}

extension Directory {
  /// What may stand under a name.
  package enum EntryType: String {
    case file = "a file"
    case directory = "a directory"
    case link = "a symbolic link"
    case pipe = "a named pipe"
    case other = "a device or socket"
  }

  /// What stands under a name; nil for nothing.
  package func kind(of name: String) throws(Failure) -> EntryType? {
    var status = stat()
    let result = try fileSystem.perform(.status, path(name), tolerating: [ENOENT]) { _ in
      Int(fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW))
    }
    guard result == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file
    case S_IFDIR: return .directory
    case S_IFLNK: return .link
    case S_IFIFO: return .pipe
    default: return .other
    }
  }

  /// Throws `badData` where something else stands under the name.
  /// - Returns: whether there is anything.
  @discardableResult
  package func require(_ wanted: EntryType, _ name: String) throws(Failure) -> Bool {
    guard let kind = try kind(of: name) else { return false }
    guard kind == wanted else {
      throw .badData(
        "\(path(name)) is \(kind.rawValue), not \(wanted.rawValue) of the run's own; move it away")
    }
    return true
  }

  /// Throws `badData` where a file has another name: what is written into it would change that file too.
  package func requireOneName(_ name: String) throws(Failure) {
    var status = stat()
    let result = try fileSystem.perform(.status, path(name), tolerating: [ENOENT]) { _ in
      Int(fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW))
    }
    guard result == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink > 1 else { return }
    throw .badData(
      "\(path(name)) has another name (a hard link), and would be changed there too; replace it by a copy of its own: cp, then mv"
    )
  }

  package func open(_ name: String, _ mode: FileSystem.OpenMode) throws(Failure) -> OpenFile {
    // Opening a device or pipe can have an effect by itself.
    if mode != .create { try require(.file, name) }
    if mode == .update || mode == .append { try requireOneName(name) }
    let opened = try fileSystem.perform(.open, path(name)) { _ in
      Int(openat(descriptor, name, mode.flags | O_NOFOLLOW | O_CLOEXEC, 0o666))
    }
    let file = OpenFile(path: path(name), descriptor: Int32(opened), system: fileSystem)
    _ = try file.size()
    return file
  }

  /// A directory in it, which is made where it is missing and wanted.
  package func directory(_ name: String, makes: Bool) throws(Failure) -> Directory? {
    if try !require(.directory, name) {
      guard makes else { return nil }
      try fileSystem.perform(.makeDirectory, path(name), tolerating: [EEXIST]) { _ in
        Int(mkdirat(descriptor, name, 0o777))
      }
      try synchronize()
    }
    let opened = try fileSystem.perform(.open, path(name)) { _ in
      Int(openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))
    }
    return Directory(path(name), Int32(opened), fileSystem)
  }

  /// The names in it, sorted.
  package func names() throws(Failure) -> [String] {
    var names: [String] = []
    try fileSystem.perform(.list, path) { _ in
      let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard copy >= 0, let stream = fdopendir(copy) else { return -1 }
      defer { closedir(stream) }
      names = []
      errno = 0
      while let entry = readdir(stream) {
        names.append(withUnsafePointer(to: &entry.pointee.d_name.0) { String(cString: $0) })
      }
      return errno == 0 ? 0 : -1
    }
    return names.filter { $0 != "." && $0 != ".." }.sorted()
  }
}
