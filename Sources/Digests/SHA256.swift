import CCrypto

/// The SHA-256 of bytes that come piece by piece (FIPS 180-4), computed by the system's libcrypto.
public struct SHA256: ~Copyable {
  private var context = SHA256_CTX()

  public init() { SHA256_Init(&context) }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    SHA256_Update(&context, bytes.baseAddress, bytes.count)
  }

  public mutating func update(_ bytes: [UInt8]) { SHA256_Update(&context, bytes, bytes.count) }

  public consuming func finalize() -> Digest {
    Digest(
      bytes: [UInt8](unsafeUninitializedCapacity: Digest.count) { bytes, count in
        SHA256_Final(bytes.baseAddress, &context)
        count = Digest.count
      })
  }

  static func hash(of bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { hash($0).bytes } }

  /// Of bytes that lie in one piece.
  public static func hash(_ bytes: UnsafeRawBufferPointer) -> Digest {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finalize()
  }
}

/// 32 bytes that stand for others.
public struct Digest: Hashable, Sendable {
  public static let count = 32
  public let bytes: [UInt8]

  package init(bytes: [UInt8]) { self.bytes = bytes }

  /// 64 lower-case hexadecimal digits.
  public var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
