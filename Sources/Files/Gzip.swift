import CZlib
import Diagnostics

/// Decompression of gzip files (RFC 1952) of any number of members, as gzip(1) and Python's gzip do it: what the members hold stands
/// one after the other, and zeros after the last are padding.
package enum Gzip {
  /// Deflate can't compress better than this: 1032 bytes from one.
  private static let largestRatio = 1032

  static func isPacked(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: [0x1f, 0x8b]) }

  package static func isPacked(_ file: InputFile) -> Bool {
    file.count >= 2 && isPacked(file.padded.prefix(2))
  }

  /// - Throws: `badData` where the bytes are cut short or damaged, or unpack to more than `limit`.
  static func unpacked(_ bytes: [UInt8], _ name: String, limit: Int) throws(Failure) -> [UInt8] {
    var start = 0
    return try unpacked(name, limit: limit) { room in
      let part = bytes[start..<min(bytes.count, start + room.count)]
      room.copyBytes(from: part)
      start += part.count
      return part.count
    }
  }

  static func unpacked(_ input: OpenInput, limit: Int) throws(Failure) -> [UInt8] {
    var start = 0
    return try unpacked(input.name, limit: limit) { (room) throws(Failure) in
      let count = input.read(start..<start + room.count, into: room.baseAddress!)
      guard count >= 0 else { throw .inputOutput("\(input.name): reading failed: \(systemError())") }
      start += count
      return count
    }
  }

  private static func unpacked(
    _ name: String, limit: Int, _ source: @escaping GzipMembers.Source
  ) throws(Failure) -> [UInt8] {
    let members = try GzipMembers(name, source)
    var held = GrowingBytes("\(name), unpacked", limit: limit)
    while try held.append({ (room, _) throws(Failure) in try members.read(into: room) }) {}
    return held.bytes
  }

  /// Decompresses in two parts: the first `headerSize` bytes, then as many as `size` derives from them.
  /// Never writes, nor reserves, more than that, whatever the file holds.
  /// - Returns: header and body in one array.
  package static func unpacked(
    _ file: InputFile, headerSize: Int, size: (ArraySlice<UInt8>) throws(Failure) -> Int
  ) throws(Failure) -> [UInt8] {
    var start = 0
    let members = try GzipMembers(file.path) { room in
      let count = min(file.count - start, room.count)
      file.padded.withUnsafeBytes {
        room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
      }
      start += count
      return count
    }
    var output = [UInt8](repeating: 0, count: headerSize)
    guard try members.fill(&output, from: 0) == headerSize else {
      throw file.failure("is empty inside its compression")
    }
    let total = try size(output[...])
    guard total >= headerSize, total / largestRatio <= file.count else {
      throw file.failure("declares \(total) bytes, more than \(file.count) compressed bytes can hold")
    }
    output += [UInt8](repeating: 0, count: total - headerSize)
    let got = try members.fill(&output, from: headerSize)
    guard got == total - headerSize else {
      throw file.failure("is truncated: its header declares \(total) bytes, it holds \(headerSize + got)")
    }
    var extra: [UInt8] = [0]
    guard try members.fill(&extra, from: 0) == 0 else {
      throw file.failure("holds more than the \(total) bytes its header declares")
    }
    return output
  }
}

/// The members of a gzip file, unpacked piece by piece.
private final class GzipMembers {
  /// Writes the next compressed bytes and returns their number, 0 at the end.
  typealias Source = (UnsafeMutableRawBufferPointer) throws(Failure) -> Int

  private let name: String
  private let source: Source
  // zlib's state points back at this: it must not move.
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
  private var isEnded = false

  init(_ name: String, _ source: @escaping Source) throws(Failure) {
    (self.name, self.source) = (name, source)
    stream.initialize(to: z_stream())
    // 16 + 15: a gzip header and the largest window.
    guard inflateInit2_(stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw Failure(.internalError, "\(name): zlib can't start")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    input.deallocate()
  }

  /// Fills an array from `start` on, and returns the bytes written: fewer only at the end of the last member.
  func fill(_ bytes: inout [UInt8], from start: Int) throws(Failure) -> Int {
    try bytes.withUnsafeMutableBufferPointer { (bytes) throws(Failure) in
      var room = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(bytes)[start...])
      while !room.isEmpty {
        let count = try read(into: room)
        if count == 0 { break }
        room = UnsafeMutableRawBufferPointer(rebasing: room[count...])
      }
      return bytes.count - start - room.count
    }
  }

  /// Writes some bytes and returns their number, 0 only at the end of the last member.
  func read(into room: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    // zlib counts in 32 bits.
    let size = UInt32(min(room.count, 1 << 30))
    while !isEnded, size > 0 {
      try refill()
      let offered = stream.pointee.avail_in
      stream.pointee.next_out = room.baseAddress!.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_out = size
      let code = inflate(stream, Z_NO_FLUSH)
      let made = size - stream.pointee.avail_out
      switch code {
      case Z_STREAM_END: isEnded = try !startsMember()
      case Z_OK where made > 0 || stream.pointee.avail_in < offered: break
      case Z_OK, Z_BUF_ERROR:
        throw .badData("\(name): is truncated: its compressed data ends early")
      default: throw .badData("\(name): has damaged compressed data")
      }
      if made > 0 { return Int(made) }
    }
    return 0
  }

  /// Gives zlib more to read where it has nothing left.
  private func refill() throws(Failure) {
    guard stream.pointee.avail_in == 0 else { return }
    stream.pointee.next_in = input.baseAddress!.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = UInt32(try source(input))
  }

  /// After a member: whether another begins. Zeros up to the end of the file are padding.
  private func startsMember() throws(Failure) -> Bool {
    try refill()
    if stream.pointee.avail_in > 0, stream.pointee.next_in[0] == 0x1f {
      inflateReset(stream)
      return true
    }
    while stream.pointee.avail_in > 0 {
      let rest = UnsafeBufferPointer(start: stream.pointee.next_in, count: Int(stream.pointee.avail_in))
      guard rest.allSatisfy({ $0 == 0 }) else {
        throw .badData("\(name): has something after its compressed data")
      }
      stream.pointee.avail_in = 0
      try refill()
    }
    return false
  }
}
