import CZlib
import Diagnostics

/// The members of a zip archive, such as an `.npz` of NumPy's: stored or deflated, up to 4 GiB, not encrypted.
///
/// Sizes are those of the central directory; nothing is reserved before the bytes held vouch for it.
/// Source: PKWARE, APPNOTE.TXT 6.3.10.
package struct ZipArchive {
  private struct Member {
    let name: String
    let method, flags: Int
    let packed, size, start: Int
    let checksum: UInt32
  }

  private let file: InputFile
  private var members: [Member] = []

  /// - Throws: `badData` where it is damaged, or none.
  package init(_ file: InputFile) throws(Failure) {
    self.file = file
    // The end of the directory stands last, in front of a remark of up to 65,535 bytes.
    let lowest = max(0, file.count - 22 - 65_535)
    guard file.count >= 22,
      let end = (lowest...file.count - 22).last(where: { number($0, 4) == 0x0605_4B50 })
    else { throw file.failure("is no zip archive, or one that is cut short") }
    let (count, start) = (number(end + 10, 2), number(end + 16, 4))
    guard count < 0xFFFF, start < 0xFFFF_FFFF else {
      throw file.failure("is larger than the 4 GiB that can be read")
    }
    var place = start
    for _ in 0..<count {
      guard place + 46 <= end, number(place, 4) == 0x0201_4B50 else { throw damaged }
      let (name, extra, remark) = (number(place + 28, 2), number(place + 30, 2), number(place + 32, 2))
      guard place + 46 + name + extra + remark <= end else { throw damaged }
      members.append(
        Member(
          name: String(decoding: file.padded[place + 46..<place + 46 + name], as: UTF8.self),
          method: number(place + 10, 2), flags: number(place + 8, 2), packed: number(place + 20, 4),
          size: number(place + 24, 4), start: number(place + 42, 4), checksum: UInt32(number(place + 16, 4))))
      place += 46 + name + extra + remark
    }
  }

  package var names: [String] { members.map(\.name) }

  /// The bytes of a member.
  /// - Throws: `badData` where they are not what the archive says.
  package func bytes(of name: String) throws(Failure) -> [UInt8] {
    guard let member = members.first(where: { $0.name.hasSameBytes(as: name) }) else {
      throw file.failure(
        "has no member \(quoted(name)); it has \(names.prefix(12).map { quoted($0) }.joined(separator: ", "))"
      )
    }
    guard member.flags & 1 == 0, member.size < 0xFFFF_FFFF, member.packed < 0xFFFF_FFFF else {
      throw file.failure("\(quoted(name)) is encrypted, or larger than the 4 GiB that can be read")
    }
    guard member.start + 30 <= file.count, number(member.start, 4) == 0x0403_4B50 else { throw damaged }
    let start = member.start + 30 + number(member.start + 26, 2) + number(member.start + 28, 2)
    guard start + member.packed <= file.count else { throw damaged }
    let packed = file.padded[start..<start + member.packed]
    let bytes: [UInt8]
    switch member.method {
    case 0: bytes = Array(packed)
    case 8:
      guard let inflated = try Self.inflated(Array(packed), size: member.size) else { throw damaged }
      bytes = inflated
    default:
      throw file.failure(
        "\(quoted(name)) is packed by method \(member.method); stored and deflated members can be read")
    }
    guard bytes.count == member.size,
      UInt32(truncatingIfNeeded: crc32(0, bytes, UInt32(bytes.count))) == member.checksum
    else { throw damaged }
    return bytes
  }

  private var damaged: Failure { file.failure("is a damaged zip archive") }

  /// Little-endian.
  private func number(_ place: Int, _ width: Int) -> Int {
    (0..<width).reversed().reduce(0) { $0 << 8 | Int(file.padded[place + $1]) }
  }

  /// nil where the data are damaged or of another size.
  private static func inflated(_ packed: [UInt8], size: Int) throws(Failure) -> [UInt8]? {
    // Deflate can't compress better than this.
    guard size / 1032 <= packed.count else { return nil }
    var input = packed
    var output = [UInt8](repeating: 0, count: size)
    var stream = z_stream()
    // A window without any header.
    guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw Failure(.internalError, "zlib can't start")
    }
    let code = input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(output.count)
        return inflate(&stream, Z_FINISH)
      }
    }
    let rest = stream.avail_out
    inflateEnd(&stream)
    return code == Z_STREAM_END && rest == 0 ? output : nil
  }
}
