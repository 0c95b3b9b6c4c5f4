import Diagnostics
import Digests

/// How a checkpoint's header carries its checksums.
///
/// Each tensor's SHA-256 is metadata under `sha256.NAME`. The file's own is the first metadata, `sha256`: over length and
/// header with 64 zeros in its place. Because it covers the tensors' checksums, and their ranges cover every byte behind
/// the header, it covers the whole file although each byte is hashed once.
package enum Checksums {
  static let prefix = Array("{\"__metadata__\":{\"sha256\":\"".utf8)
  package static let blank = String(repeating: "0", count: 64)
  static let stateKey = "recur"

  static func key(of tensor: String) -> String { "sha256.\(tensor)" }

  /// Where the digits lie in length and header; nil in files of other programs.
  private static func digits(in head: some Collection<UInt8>) -> Range<Int>? {
    guard head.count > 8 + prefix.count + 64, head.dropFirst(8).starts(with: prefix) else { return nil }
    return 8 + prefix.count..<8 + prefix.count + 64
  }

  /// Puts the file's checksum into length and header.
  package static func sign(_ head: inout [UInt8]) {
    guard let digits = digits(in: head) else { preconditionFailure("the checksum is the first metadata") }
    let text = head.withUnsafeBytes { digest(of: $0, digits) }
    head.replaceSubrange(digits, with: Array(text.utf8))
  }

  /// The file's checksum, or nil where length and header are not what was written.
  static func verified(_ head: UnsafeRawBufferPointer) throws(Failure) -> String {
    guard let digits = digits(in: head) else { throw .badData("it is not a checkpoint of this program") }
    let digest = digest(of: head, digits)
    guard head[digits].elementsEqual(digest.utf8) else {
      throw .badData("the header does not match its checksum: the file is damaged")
    }
    return digest
  }

  private static func digest(of head: UnsafeRawBufferPointer, _ digits: Range<Int>) -> String {
    var hash = SHA256()
    hash.update(UnsafeRawBufferPointer(rebasing: head[..<digits.lowerBound]))
    hash.update(Array(blank.utf8))
    hash.update(UnsafeRawBufferPointer(rebasing: head[digits.upperBound...]))
    return hash.finalize().hexadecimal
  }
}
