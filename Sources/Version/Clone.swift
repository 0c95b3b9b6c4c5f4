import Diagnostics
import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The clone of the project that a program was built in and lies in, and what its git wrote down by itself.
package struct Clone {
  /// The folder with `Package.swift`.
  package let root: String
  /// When the program was linked, in seconds since 1970.
  package let built: Int

  package init(root: String, built: Int) { (self.root, self.built) = (root, built) }

  /// Where this program lies in a folder `.build…` of the project itself.
  static let ofThisProgram: Clone? = {
    var buffer = [CChar](repeating: 0, count: 4097)
    guard readlink("/proc/self/exe", &buffer, 4096) > 0 else { return nil }
    let path = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    var file = stat()
    guard let root = root(of: path), stat(buffer, &file) == 0,
      access("\(root)/Sources/CVersion/cversion.c", R_OK) == 0
    else { return nil }
    return Clone(root: root, built: Int(file.st_mtim.tv_sec))
  }()

  /// What stands before `/.build…/`.
  static func root(of path: [UInt8]) -> String? {
    let mark = Array("/.build".utf8)
    let places = path.indices.filter { path[$0...].starts(with: mark) }
    return places.last.map { String(decoding: path[..<$0], as: UTF8.self) }
  }

  /// The first twelve digits of the commit that HEAD was at when the program was linked; nil where git has not written it down.
  ///
  /// The reflog has a line `OLD NEW NAME <MAIL> SECONDS ZONE<tab>WHAT` for each time that HEAD moved: what it moved to last before then.
  package var commit: String? {
    guard let lines = try? InputFile.lines(of: "\(folder)/logs/HEAD", key: "the clone", limit: 1 << 26) else {
      return nil
    }
    for line in lines.reversed() {
      let words = line.utf8.prefix { $0 != UInt8(ascii: "\t") }.split(separator: UInt8(ascii: " "))
      guard words.count >= 4, let seconds = Int(Substring(words[words.count - 2])) else { continue }
      guard seconds <= built else { continue }
      let isCommit = words[1].count >= 40 && words[1].allSatisfy { "0123456789abcdef".utf8.contains($0) }
      return isCommit ? String(Substring(words[1].prefix(12))) : nil
    }
    return nil
  }

  /// Git's own folder, to which a worktree's file `.git` points.
  private var folder: String {
    let here = "\(root)/.git"
    guard let line = try? InputFile.lines(of: here, key: "the clone", limit: 1 << 16).first,
      line.hasPrefix("gitdir: ")
    else { return here }
    let target = String(line.dropFirst(8))
    return target.hasPrefix("/") ? target : "\(root)/\(target)"
  }
}
