#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What tells whether a file is still the one it was, without reading it.
package struct FileStamp: Equatable, Sendable {
  package let size: Int
  /// When it was changed last.
  private let seconds: Int
  private let nanoseconds: Int
  /// Whether it still has a name: it was neither removed nor replaced.
  package let isThere: Bool

  /// nil where there is no regular file.
  package init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    self.init(status)
  }

  init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    size = Int(status.st_size)
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    (seconds, nanoseconds) = (time.tv_sec, time.tv_nsec)
    isThere = status.st_nlink > 0
  }
}
