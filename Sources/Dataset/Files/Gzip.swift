import CZlib
import Diagnostics

/// Decompression with a bound known beforehand.
enum Gzip {
  /// Deflate can't compress better than this: 1032 bytes from one.
  static let largestRatio = 1032

  static func isCompressed(_ file: InputFile) -> Bool {
    file.count >= 2 && file.padded[0] == 0x1f && file.padded[1] == 0x8b
  }

  /// Decompresses in two parts: the first `headerSize` bytes, then as many as `size` derives from them.
  /// Never writes, nor reserves, more than that, whatever the file holds.
  /// - Returns: header and body in one array.
  static func decompress(
    _ file: InputFile, headerSize: Int, size: (ArraySlice<UInt8>) throws(Failure) -> Int
  ) throws(Failure) -> [UInt8] {
    // zlib's state points back at this: it must not move.
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    defer { stream.deallocate() }
    // 16 + 15: a gzip header and the largest window.
    guard inflateInit2_(stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw Failure(.internalError, "\(file.path): zlib can't start")
    }
    defer { inflateEnd(stream) }
    var header = [UInt8](repeating: 0, count: headerSize)
    return try file.padded.withUnsafeBufferPointer { (input) throws(Failure) -> [UInt8] in
      var source = Source(stream: stream, next: input.baseAddress!, left: file.count, file: file)
      let got = try source.inflate(into: &header, at: 0, count: headerSize)
      guard got == headerSize else { throw file.failure("is empty inside its compression") }
      let total = try size(header[...])
      guard total >= headerSize, total / largestRatio <= file.count else {
        throw file.failure("declares \(total) bytes, more than \(file.count) compressed bytes can hold")
      }
      var output = [UInt8](repeating: 0, count: total)
      output.replaceSubrange(0..<headerSize, with: header)
      let body = try source.inflate(into: &output, at: headerSize, count: total - headerSize)
      guard body == total - headerSize else {
        throw file.failure("is truncated: its header declares \(total) bytes, it holds \(headerSize + body)")
      }
      try source.expectEnd(declared: total)
      return output
    }
  }

  /// The compressed bytes and zlib's state between two calls.
  private struct Source {
    let stream: UnsafeMutablePointer<z_stream>
    var next: UnsafePointer<UInt8>
    var left: Int
    let file: InputFile
    var ended = false

    /// Writes up to `count` bytes from `offset` on; fewer only where the stream ends.
    mutating func inflate(
      into output: UnsafeMutablePointer<UInt8>, at offset: Int, count: Int
    ) throws(Failure) -> Int {
      var written = 0
      while written < count && !ended {
        // zlib counts in 32 bits.
        let room = UInt32(min(count - written, 1 << 30))
        let offered = UInt32(min(left, 1 << 30))
        stream.pointee.next_in = UnsafeMutablePointer(mutating: next)
        stream.pointee.avail_in = offered
        stream.pointee.next_out = output + offset + written
        stream.pointee.avail_out = room
        let code = CZlib.inflate(stream, Z_NO_FLUSH)
        let used = Int(offered - stream.pointee.avail_in)
        let made = Int(room - stream.pointee.avail_out)
        next += used
        left -= used
        written += made
        switch code {
        case Z_STREAM_END: ended = true
        case Z_OK where used + made > 0: break
        case Z_OK, Z_BUF_ERROR: throw file.failure("is truncated: its compressed data ends early")
        default: throw file.failure("has damaged compressed data")
        }
      }
      return written
    }

    /// The stream must end here, with a right checksum and nothing behind it.
    mutating func expectEnd(declared: Int) throws(Failure) {
      var extra: UInt8 = 0
      guard try inflate(into: &extra, at: 0, count: 1) == 0 else {
        throw file.failure("holds more than the \(declared) bytes its header declares")
      }
      guard left == 0 else { throw file.failure("has \(left) bytes behind its compressed data") }
    }
  }
}
