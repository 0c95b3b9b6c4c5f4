import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What the path of an output leads to.
enum OutputTarget: Equatable {
  /// A descriptor of this process: `-`, /dev/stdout, /dev/fd/3, or a link to one.
  case descriptor(Int32)
  /// Something that is there and is no regular file: a device, a FIFO.
  case stream(path: String)
  case socket(path: String)
  /// A regular file, links followed. Its mode where it is there.
  case file(path: String, mode: mode_t?)

  /// - Throws: `usage` for a folder, `inputOutput` where nothing can be written there.
  init(_ path: String) throws(Failure) {
    if path == "-" {
      self = .descriptor(STDOUT_FILENO)
      return
    }
    guard !path.isEmpty else { throw .usage("an output needs a name, or - for standard output") }
    // A link is followed by hand: what it leads to need not be there yet, and may be a descriptor.
    var place = path
    for _ in 0..<40 {
      guard let folder = Paths.real(Paths.folder(of: place)) else { throw Writing.failure(path, errno) }
      let name = Paths.name(of: place)
      guard !["", ".", ".."].contains(name) else { throw .usage("\(path) is a folder; name a file in it") }
      place = folder == "/" ? "/\(name)" : "\(folder)/\(name)"
      if let number = Int32(name), Self.isDescriptors(folder) {
        self = .descriptor(number)
        return
      }
      guard let target = Paths.linkTarget(place) else {
        self = try Self.found(place, path)
        return
      }
      place = target.utf8.first == UInt8(ascii: "/") ? target : "\(folder)/\(target)"
    }
    throw Writing.failure(path, ELOOP)
  }

  /// Whether a folder is that of this process's descriptors: /dev/fd leads there.
  private static func isDescriptors(_ folder: String) -> Bool {
    let own = "/proc/\(getpid())"
    return folder == "\(own)/fd" || folder.hasPrefix("\(own)/task/") && folder.hasSuffix("/fd")
  }

  private static func found(_ place: String, _ path: String) throws(Failure) -> OutputTarget {
    var status = stat()
    guard lstat(place, &status) == 0 else {
      if errno == ENOENT { return .file(path: place, mode: nil) }
      throw Writing.failure(path, errno)
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: throw .usage("\(path) is a folder; name a file in it")
    case S_IFREG:
      // A file that is written beside and renamed must not get round its own permissions.
      guard access(place, W_OK) == 0 else { throw Writing.failure(path, errno) }
      return .file(path: place, mode: status.st_mode & 0o777)
    case S_IFSOCK: return .socket(path: place)
    default: return .stream(path: place)
    }
  }
}

extension OutputTarget {
  /// Opens what is written straight into, without changing what it is.
  func descriptor(_ path: String) throws(Failure) -> Int32 {
    switch self {
    case .descriptor(let number):
      let flags = fcntl(number, F_GETFL)
      guard flags >= 0 else { throw Writing.failure(path, errno) }
      guard flags & O_ACCMODE != O_RDONLY else { throw Writing.failure(path, EBADF) }
      let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
      guard copy >= 0 else { throw Writing.failure(path, errno) }
      return copy
    case .stream(let place): return try Self.open(place, path)
    case .socket(let place): return try Self.connect(place, path)
    case .file: preconditionFailure("a file is written beside")
    }
  }

  /// A FIFO without a reader is waited for, as other programs do; a request to stop ends the wait.
  private static func open(_ place: String, _ path: String) throws(Failure) -> Int32 {
    while true {
      let descriptor = platformOpen(place, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
      if descriptor >= 0 { return descriptor }
      var status = stat()
      let isFIFO = stat(place, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
      guard errno == ENXIO && isFIFO || errno == EINTR else { throw Writing.failure(path, errno) }
      try Interruption.nap("a reader of \(path)")
    }
  }

  private static func connect(_ place: String, _ path: String) throws(Failure) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let name = Array(place.utf8)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { field in
      field.copyBytes(from: name.prefix(field.count - 1))
      return name.count < field.count
    }
    let descriptor = platformSocket()
    let result = platformConnect(descriptor, address)
    guard fits, descriptor >= 0, result == 0 else {
      let code = fits ? errno : ENAMETOOLONG
      if descriptor >= 0 { close(descriptor) }
      throw Writing.failure(path, code)
    }
    return descriptor
  }
}
