import Diagnostics
import Digests
import Files

/// Writes rows of numbers into shards of a folder, each as large as the next.
package final class ShardWriter {
  private let folder: String
  private let element: NPYFile.Element
  /// Numbers of a row; nil for one that is no row, as of tokens.
  private let columns: Int?
  private let rowsPerShard: Int
  private var pending: [UInt8] = []
  package private(set) var shards: [PackIndex.Shard] = []
  package private(set) var rows = 0

  /// - folder: made where it is missing; what it holds must not be there yet.
  /// - size: bytes of a shard.
  package init(_ folder: String, _ element: NPYFile.Element, columns: Int?, size: Int) throws(Failure) {
    (self.folder, self.element, self.columns) = (folder, element, columns)
    rowsPerShard = max(1, size / (element.size * (columns ?? 1)))
  }

  private var rowSize: Int { element.size * (columns ?? 1) }

  /// Adds rows, as the bytes that they are in a file.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = rest.prefix(rowsPerShard * rowSize - pending.count)
      pending += part
      rest = rest.dropFirst(part.count)
      if pending.count == rowsPerShard * rowSize { try flush() }
    }
  }

  /// Writes what is left.
  package func close() throws(Failure) { if !pending.isEmpty { try flush() } }

  private func flush() throws(Failure) {
    let count = pending.count / rowSize
    let digits = String(shards.count)
    let name = "shard-" + String(repeating: "0", count: max(0, 6 - digits.utf8.count)) + digits + ".npy"
    let header = NPYHeader.bytes(element, shape: [count] + (columns.map { [$0] } ?? []))
    let file = try OutputFile("\(folder)/\(name)", option: "--out")
    var hash = SHA256()
    for part in [header, pending] {
      hash.update(part)
      let written = part.withUnsafeBytes { bytes in
        Result { () throws(Failure) in try file.write(bytes) }
      }
      try written.get()
    }
    try file.close()
    shards.append(
      PackIndex.Shard(
        file: name, rows: count, bytes: header.count + pending.count, sha256: hash.finalize().hexadecimal))
    rows += count
    pending.removeAll(keepingCapacity: true)
  }
}

extension NPYHeader {
  /// A header of version 1, padded as NumPy does, so that numbers begin at a multiple of 64.
  static func bytes(_ element: NPYFile.Element, shape: [Int]) -> [UInt8] {
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = "{'descr': '\(element.rawValue)', 'fortran_order': False, 'shape': (\(sizes)), }"
    text += String(repeating: " ", count: 63 - (10 + text.utf8.count) % 64) + "\n"
    let length = text.utf8.count
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(text.utf8)
  }
}
