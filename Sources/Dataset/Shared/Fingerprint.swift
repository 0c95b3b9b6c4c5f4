import Digests
import Files

extension InputFile {
  /// Bytes of a piece that is hashed by itself.
  private static let piece = 4 << 20

  var pieces: Int { (size + Self.piece - 1) / Self.piece }

  /// The SHA-256 of each of these pieces, one after the other.
  func digests(_ pieces: Range<Int>) -> [UInt8] {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: min(size, Self.piece), alignment: 64)
    defer { memory.deallocate() }
    return pieces.flatMap { piece in
      let range = piece * Self.piece..<min(size, (piece + 1) * Self.piece)
      copy(range, to: memory.baseAddress!)
      return SHA256.hash(UnsafeRawBufferPointer(rebasing: memory[..<range.count])).bytes
    }
  }
}
