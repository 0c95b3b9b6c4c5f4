/// A record of a TFRecord file: eight bytes of length, their check, the content, its check.
///
/// Checks are CRC-32C (Castagnoli, RFC 3720 appendix B.4), masked so that a check of bytes that hold checks is no trivial one: rotated
/// right by 15 bits, plus a constant (tensorflow/core/lib/hash/crc32c.h).
package enum EventRecord {
  package static func bytes(of content: [UInt8]) -> [UInt8] {
    let length = number(UInt64(content.count), bytes: 8)
    return length + number(UInt64(masked(length[...])), bytes: 4) + content
      + number(UInt64(masked(content[...])), bytes: 4)
  }

  /// The records at the beginning of a file, up to the first that is cut short or damaged.
  /// - Returns: of each, where it lies with its frame, and where its content.
  package static func records(in bytes: [UInt8]) -> [(whole: Range<Int>, content: Range<Int>)] {
    var records: [(whole: Range<Int>, content: Range<Int>)] = []
    var start = 0
    while bytes.count - start >= 16 {
      let head = bytes[start..<start + 8]
      let length = ProtobufFields.number(head)
      guard checks(bytes[start + 8..<start + 12], head), length <= UInt64(bytes.count - start - 16) else {
        break
      }
      let content = start + 12..<start + 12 + Int(length)
      guard checks(bytes[content.upperBound..<content.upperBound + 4], bytes[content]) else { break }
      records.append((start..<content.upperBound + 4, content))
      start = content.upperBound + 4
    }
    return records
  }

  private static func checks(_ check: ArraySlice<UInt8>, _ bytes: ArraySlice<UInt8>) -> Bool {
    ProtobufFields.number(check) == UInt64(masked(bytes))
  }

  private static func number(_ value: UInt64, bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }

  private static func masked(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    let check = CRC32C.of(bytes)
    return (check >> 15 | check << 17) &+ 0xA282_EAD8
  }
}

package enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
  }

  package static func of(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBufferPointer { bytes in
      table.withUnsafeBufferPointer { table in
        ~bytes.reduce(~UInt32(0)) { $0 >> 8 ^ table[Int(($0 ^ UInt32($1)) & 255)] }
      }
    }
  }
}
