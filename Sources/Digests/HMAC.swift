import CCrypto

/// A code that only who knows the key can make of a message: HMAC-SHA-256 (RFC 2104).
public enum HMAC {
  /// Bytes that SHA-256 takes at once.
  private static let block = 64

  /// 32 bytes.
  public static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
    let key = key.count > block ? SHA256.hash(of: key) : key
    let padded = key + [UInt8](repeating: 0, count: block - key.count)
    return SHA256.hash(of: padded.map { $0 ^ 0x5c } + SHA256.hash(of: padded.map { $0 ^ 0x36 } + message))
  }

  /// Whether the code is that of the message. Takes as long for a wrong one as for the right one.
  public static func isValid(_ code: [UInt8], of message: [UInt8], key: [UInt8]) -> Bool {
    let right = self.code(of: message, key: key)
    return code.count == right.count && CRYPTO_memcmp(code, right, right.count) == 0
  }

  /// Random bytes for a key, from the operating system.
  public static func newKey(count: Int = Digest.count) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }
}
