import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Paths as texts.
package enum Paths {
  /// The folder that this process stands in.
  package static var current: String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
  }

  /// The path from the root on, without `.`, doubled slashes and, where that leads to the same file, `..`.
  /// - base: what a relative path starts at.
  package static func absolute(_ path: String, from base: String = Paths.current) -> String {
    let joined = path.utf8.first == UInt8(ascii: "/") ? path : "\(base)/\(path)"
    let parts = joined.utf8.split(separator: UInt8(ascii: "/")).map { String($0)! }.filter { $0 != "." }
    var short: [String] = []
    for part in parts { if part == ".." { _ = short.popLast() } else { short.append(part) } }
    let plain = "/" + short.joined(separator: "/")
    guard short.count < parts.count else { return plain }
    // After a link to a folder, `..` is the folder's parent and not the link's.
    let literal = "/" + parts.joined(separator: "/")
    let (a, b) = (FileIdentity(literal), FileIdentity(plain))
    return a == b ? plain : a == nil ? plain : literal
  }

  /// The folder a path lies in.
  package static func folder(of path: String) -> String {
    let parts = split(path)
    return parts.folder.isEmpty ? "." : parts.folder
  }

  package static func name(of path: String) -> String { split(path).name }

  /// The name without what stands after its last point; a point that begins it begins no extension.
  package static func stem(of path: String) -> String {
    let name = name(of: path)
    guard let point = name.utf8.lastIndex(of: UInt8(ascii: ".")), point > name.startIndex,
      name.utf8.index(after: point) < name.endIndex
    else { return name }
    return String(name[..<point])
  }

  /// What stands after the name's last point, in small letters; empty where `stem` is all of the name.
  package static func ending(of path: String) -> String {
    let rest = name(of: path).utf8.dropFirst(stem(of: path).utf8.count + 1)
    return String(decoding: rest.map { (65...90).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
  }

  private static func split(_ path: String) -> (folder: String, name: String) {
    let bytes = path.utf8
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
    let folder = slash == bytes.startIndex ? "/" : String(path[..<slash])
    return (folder, String(path[bytes.index(after: slash)...]))
  }

  /// The path with all links followed; nil where something on it is not there.
  package static func real(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  /// What a link says; nil where there is no link.
  static func linkTarget(_ path: String) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4097) { text in
      let count = readlink(path, text.baseAddress!, text.count - 1)
      guard count >= 0 else { return nil }
      return String(decoding: UnsafeRawBufferPointer(text)[..<count], as: UTF8.self)
    }
  }

  /// The regular files in a folder; none where there is no folder.
  package static func files(in folder: String) -> [String] {
    (names(in: folder) ?? []).map { "\(folder)/\($0)" }.filter { FileIdentity($0)?.isRegular == true }
  }

  /// What a folder holds, whatever it is; nil where it can't be read, for the reason in `errno`.
  package static func names(in folder: String) -> [String]? {
    guard let directory = opendir(folder) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name.0) { String(cString: $0) }
      if name.utf8.elementsEqual(".".utf8) || name.utf8.elementsEqual("..".utf8) { continue }
      names.append(name)
    }
    return names
  }

  /// The paths that fit a shell's pattern, in the order of their bytes.
  package static func matching(_ pattern: String) -> [String] {
    var matches = glob_t()
    defer { globfree(&matches) }
    guard glob(pattern, 0, nil, &matches) == 0 else { return [] }
    return (0..<Int(matches.gl_pathc)).compactMap { matches.gl_pathv[$0].map { String(cString: $0) } }
  }

  /// Whether a path has one of the letters of a shell's pattern.
  package static func isPattern(_ path: String) -> Bool { path.utf8.contains { "*?[".utf8.contains($0) } }
  package static func isThere(_ path: String) -> Bool { FileIdentity(path) != nil }
  package static func isFolder(_ path: String) -> Bool { FileIdentity(path)?.isFolder == true }
}

/// Which file a path leads to, whatever the path is called.
package struct FileIdentity: Hashable {
  private let device: UInt64
  private let number: UInt64
  private let type: UInt32

  /// nil where there is nothing.
  package init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    (device, number) = (UInt64(truncatingIfNeeded: status.st_dev), UInt64(truncatingIfNeeded: status.st_ino))
    type = UInt32(status.st_mode & S_IFMT)
  }

  /// - standard: the descriptor that `-` stands for.
  init?(_ path: String, standard: Int32) {
    self.init(path == "-" ? "/proc/self/fd/\(standard)" : path)
  }

  var isRegular: Bool { type == UInt32(S_IFREG) }
  var isFolder: Bool { type == UInt32(S_IFDIR) }
}
