import CCrypto

/// A code that only who knows the key can make of a message: HMAC-SHA-256 (RFC 2104), by the system's libcrypto.
public enum HMAC {
  /// 32 bytes.
  public static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
    Library.prepare()
    return [UInt8](unsafeUninitializedCapacity: Digest.count) { code, count in
      let made = CCrypto.HMAC(
        EVP_sha256(), key, Int32(key.count), message, message.count, code.baseAddress, nil)
      precondition(made != nil, "libcrypto has no HMAC-SHA-256")
      count = Digest.count
    }
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
