import Diagnostics
import Digests
import Files
import FoundationEssentials

/// What `recur pack` made of files: shards in NumPy's format, and `index.json`, which says what they are. It is written last, so that a
/// folder that has one is complete.
package struct PackIndex: Codable, Equatable, Sendable {
  package enum PackKind: String, Codable, Sendable { case table, text }

  package struct Column: Codable, Equatable, Sendable {
    package var name: String
    /// Of a column of texts: those, which stand in the shards as numbers from 0.
    package var texts: [String]?

    package init(name: String, texts: [String]? = nil) { (self.name, self.texts) = (name, texts) }
  }

  package struct Shard: Codable, Equatable, Sendable {
    package var file: String
    package var rows: Int
    package var bytes: Int
    /// Of all its bytes, in hexadecimal.
    package var sha256: String
  }

  package var format = PackIndex.name
  package var version = 1
  package var kind: PackKind
  /// table: in the order of the shards' numbers.
  package var columns: [Column]?
  /// text: what it was cut into, the tokens by their numbers in the shards, and how often each comes. Bytes have neither.
  package var tokens: String?
  package var vocabulary: [String]?
  package var counts: [Int]?
  package var shards: [Shard] = []

  package static let fileName = "index.json"
  private static let name = "recur pack"

  package init(kind: PackKind) { self.kind = kind }

  package var tokenKind: DataSpecification.Tokens? {
    tokens.flatMap { DataSpecification.Tokens(rawValue: $0) }
  }

  package var rows: Int { shards.reduce(0) { $0 + $1.rows } }

  /// Whether a path is that of such a folder.
  package static func isThere(in folder: String) -> Bool {
    Paths.isFolder(folder) && Paths.isThere("\(folder)/\(fileName)")
  }
}

extension PackIndex {
  /// - file: `index.json`.
  init(_ file: InputFile) throws(Failure) {
    let decoder = JSONDecoder()
    do {
      self = try file.withBytes { try decoder.decode(PackIndex.self, from: Data($0)) }
    } catch {
      throw file.failure("is not the index of a folder that recur pack made, of version 1")
    }
    guard format.hasSameBytes(as: Self.name), version == 1 else {
      throw file.failure(
        "is of version \(version) of \(quoted(format)); this program knows \(quoted(Self.name)), 1")
    }
    let areWhole = shards.allSatisfy {
      $0.rows > 0 && $0.bytes > 0 && !$0.file.utf8.contains(UInt8(ascii: "/"))
    }
    let fits =
      kind == .table
      ? columns?.isEmpty == false
      : tokenKind == .byte || tokenKind != nil && vocabulary != nil && vocabulary?.count == counts?.count
    guard !shards.isEmpty, areWhole, fits else { throw file.failure("does not say which shards there are") }
  }

  /// As it is written.
  package var bytes: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    // Nothing in it can be refused.
    return Array(try! encoder.encode(self)) + [newline]
  }
}

extension ShardTable {
  /// The shards of a folder that `recur pack` made.
  /// - folder: as messages name it.
  init(_ index: PackIndex, in folder: String, key: String) throws(Failure) {
    try self.init(index.shards.map { "\(folder)/\($0.file)" }, key: key)
    for (number, shard) in index.shards.enumerated() {
      let (path, size) = (files.paths[number], files.size(number))
      guard size == shard.bytes, samples[number] == shard.rows else {
        throw .badData(
          "\(path): has \(samples[number]) rows in \(size) bytes, and \(PackIndex.fileName) says \(shard.rows) in \(shard.bytes); pack the data again"
        )
      }
    }
    let width = index.kind == .table ? [index.columns?.count ?? 0] : []
    guard shape == width else {
      throw .badData(
        "\(files.paths[0]): has the shape \([samples[0]] + shape), which is not what \(PackIndex.fileName) says"
      )
    }
  }
}

extension PackIndex {
  /// Reads a folder's index and all of its shards, and compares their checksums.
  /// - Returns: the index, where all is as it was written.
  package static func check(_ folder: String) throws(Failure) -> PackIndex {
    let index = try PackIndex(InputFile(path: "\(folder)/\(fileName)", key: "DIR"))
    _ = try ShardTable(index, in: folder, key: "DIR")
    for shard in index.shards {
      let file = try InputFile(path: "\(folder)/\(shard.file)", key: "DIR") { _ in 0..<0 }
      var hash = SHA256()
      for start in stride(from: 0, to: file.size, by: 1 << 22) {
        try file.withBytes(start..<min(start + 1 << 22, file.size)) {
          hash.update(UnsafeRawBufferPointer($0))
        }
      }
      guard hash.finalize().hexadecimal.hasSameBytes(as: shard.sha256) else {
        throw file.failure("is not what was written: its SHA-256 is another; pack the data again")
      }
    }
    return index
  }
}
