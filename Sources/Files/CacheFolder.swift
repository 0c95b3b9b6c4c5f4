#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Files that only save time: what they hold can be made again.
public struct CacheFolder: Sendable, Equatable {
  /// nil where there is no place for files: then nothing is kept.
  private let folder: String?

  /// `RECUR_CACHE`, else `recur` in the user's cache folder.
  package init(variable: (String) -> String? = { name in getenv(name).map { String(cString: $0) } }) {
    folder =
      variable("RECUR_CACHE") ?? variable("XDG_CACHE_HOME").map { "\($0)/recur" }
      ?? variable("HOME").map { "\($0)/.cache/recur" }
  }

  /// - folder: made where it is missing; nil for none.
  public init(_ folder: String?) { self.folder = folder }

  /// FNV-1a, as a name for files.
  package static func hash(_ words: [String]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in words.joined(separator: "\0").utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }

  /// The file's bytes; nil where there are none.
  package func read(_ name: String) -> [UInt8]? {
    guard let folder, let file = try? InputFile(path: "\(folder)/\(name)", key: "RECUR_CACHE"), file.count > 0
    else { return nil }
    return file.withBytes { Array($0) }
  }

  /// Whole or not at all. A folder that can't be written to is only slower.
  package func write(_ bytes: [UInt8], as name: String) {
    guard let folder else { return }
    var path = ""
    for part in folder.split(separator: "/", omittingEmptySubsequences: false) {
      path += path.isEmpty && part.isEmpty ? "/" : part + "/"
      mkdir(path, 0o755)
    }
    try? bytes.withUnsafeBytes { bytes in
      let file = try OutputFile("\(folder)/\(name)", option: "RECUR_CACHE")
      try file.write(bytes)
      try file.close()
    }
  }
}
