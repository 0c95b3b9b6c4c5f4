import CZlib

/// Small array files, written by hand so that tests say what is in them.
public enum ArrayFiles {
  public static func npy(
    _ descr: String, _ shape: String, _ body: [UInt8], order: String = "False", version: UInt8 = 1
  ) -> [UInt8] {
    npy(
      header: "{'descr': '\(descr)', 'fortran_order': \(order), 'shape': \(shape), }", body, version: version)
  }

  public static func npy(header: String, _ body: [UInt8], version: UInt8 = 1) -> [UInt8] {
    let text = Array((header + "\n").utf8)
    let length = [UInt8(text.count & 255), UInt8(text.count >> 8)] + (version == 1 ? [] : [0, 0])
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + text + body
  }

  public static func bytes<T>(_ values: [T]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

  /// - sizes: big-endian, after the magic number.
  public static func idx(_ magic: Int, _ sizes: [Int], _ body: [UInt8]) -> [UInt8] {
    ([magic] + sizes).flatMap { number in (0..<4).reversed().map { UInt8(number >> (8 * $0) & 255) } } + body
  }

  public static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    var input = bytes
    var output = [UInt8](repeating: 0, count: bytes.count + 1000)
    let capacity = UInt32(output.count)
    deflateInit2_(
      &stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = capacity
        _ = deflate(&stream, Z_FINISH)
      }
    }
    deflateEnd(&stream)
    return Array(output.prefix(Int(capacity - stream.avail_out)))
  }

  /// Three images of 2 × 3 pixels: 0, 17, 34, … 255.
  public static let pixels = (0..<18).map { UInt8($0 * 15) }
  public static let images = idx(2051, [3, 2, 3], pixels)
  public static let labels = idx(2049, [3], [2, 0, 1])

  public static let ts = """
    # a comment
    @problemName Two
    @timeStamps false
    @missing false
    @univariate false
    @dimensions 2
    @equalLength true
    @seriesLength 3
    @classLabel true walk run
    @data
    1,2,3:10,20,30:run

    4,5,6 : 40,50,6e1 : walk
    """
}
