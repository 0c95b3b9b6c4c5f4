import Digests
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct DigestTests {
  private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// RFC 4231, test cases 1, 2, 3 and 6.
  @Test(arguments: [
    (
      [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    (
      [UInt8](repeating: 0xaa, count: 131),
      Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
  ]) func codesAreThoseOfTheStandard(_ key: [UInt8], _ message: [UInt8], _ code: String) {
    #expect(hexadecimal(HMAC.code(of: message, key: key)) == code)
    #expect(HMAC.isValid(HMAC.code(of: message, key: key), of: message, key: key))
    #expect(!HMAC.isValid(HMAC.code(of: message + [0], key: key), of: message, key: key))
  }

  /// FIPS 180-4's example of two blocks, in any pieces.
  @Test func bytesMayComeInPieces() {
    let text = Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)
    for size in 1...text.count {
      var hash = SHA256()
      for start in stride(from: 0, to: text.count, by: size) {
        hash.update(Array(text[start..<min(start + size, text.count)]))
      }
      #expect(
        hash.finalize().hexadecimal == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    }
  }
}
