import CZlib
import Diagnostics

/// Writes a zip archive whose members are stored as they are, such as NumPy's `savez` makes. Source: PKWARE, APPNOTE.TXT 6.3.10.
package struct ZipWriter {
  private let file: OutputFile
  /// Central directory so far, and bytes in front of it.
  private var directory: [UInt8] = []
  private var count = 0
  private var written = 0
  /// What four bytes can say; the largest number stands for a longer format.
  private static let most = 0xFFFF_FFFE

  package init(to file: OutputFile) { self.file = file }

  /// - parts: the member's bytes, one part after the other.
  /// - Throws: `badData` where the archive would pass 4 GiB.
  package mutating func add(_ name: String, _ parts: [UnsafeRawBufferPointer]) throws(Failure) {
    let size = parts.reduce(0) { $0 + $1.count }
    guard written + size + name.utf8.count + 64 < Self.most, count < 0xFFFE else {
      throw .badData(
        "\(file.path): a zip archive of more than 4 GiB is not written; safetensors has no such limit")
    }
    // Version 2.0; names in UTF-8; stored; the first day that the format knows.
    var fields = Self.bytes(20, 2) + Self.bytes(1 << 11, 2) + Self.bytes(0, 4) + Self.bytes(0x21, 2)
    fields += Self.bytes(Self.checksum(parts), 4) + Self.bytes(size, 4) + Self.bytes(size, 4)
    fields += Self.bytes(name.utf8.count, 2) + Self.bytes(0, 2)
    let head = Self.bytes(0x0403_4B50, 4) + fields + Array(name.utf8)
    directory += Self.bytes(0x0201_4B50, 4) + Self.bytes(20, 2) + fields
    // No remark, first disk, no attributes.
    directory += Self.bytes(0, 10) + Self.bytes(written, 4) + Array(name.utf8)
    try head.withUnsafeBufferPointer { head throws(Failure) in try file.write(UnsafeRawBufferPointer(head)) }
    for part in parts { try file.write(part) }
    (count, written) = (count + 1, written + head.count + size)
  }

  /// Writes the directory and closes the file.
  package func finish() throws(Failure) {
    let end =
      Self.bytes(0x0605_4B50, 4) + Self.bytes(0, 4) + Self.bytes(count, 2) + Self.bytes(count, 2)
      + Self.bytes(directory.count, 4) + Self.bytes(written, 4) + Self.bytes(0, 2)
    try (directory + end).withUnsafeBufferPointer { bytes throws(Failure) in
      try file.write(UnsafeRawBufferPointer(bytes))
    }
    try file.close()
  }

  private static func checksum(_ parts: [UnsafeRawBufferPointer]) -> Int {
    var sum: UInt = 0
    for part in parts {
      var rest = part[...]
      // zlib counts in 32 bits.
      while !rest.isEmpty {
        let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
        sum = UInt(crc32(sum, piece.bindMemory(to: UInt8.self).baseAddress, UInt32(piece.count)))
        rest = rest.dropFirst(piece.count)
      }
    }
    return Int(sum)
  }

  /// Little-endian.
  private static func bytes(_ number: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { $0 < 8 ? UInt8(truncatingIfNeeded: number >> (8 * $0)) : 0 }
  }
}
