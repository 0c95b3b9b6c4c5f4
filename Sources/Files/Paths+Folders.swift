import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Paths {
  /// Makes a folder, and those above it, for files of a command; one that is there must be empty.
  /// - option: what it was named by, for messages.
  package static func makeEmptyFolder(_ path: String, option: String) throws(Failure) {
    let path = absolute(path)
    if isThere(path) {
      guard isFolder(path) else {
        throw .usage("\(option) \(path) is a file; name a folder that is not there yet")
      }
      guard isEmpty(path) else {
        throw .usage(
          "\(option) \(path) holds files already; name a folder that is not there yet, or an empty one")
      }
      return
    }
    var folder = ""
    for part in path.split(separator: "/") {
      folder += "/" + part
      if mkdir(folder, 0o777) != 0, errno != EEXIST || !isFolder(folder) {
        throw .inputOutput("\(option) \(path): the folder can't be made: \(systemError())")
      }
    }
  }

  private static func isEmpty(_ folder: String) -> Bool {
    guard let directory = opendir(folder) else { return false }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    // Itself and the one above it.
    return count <= 2
  }
}
