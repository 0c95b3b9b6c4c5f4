import Diagnostics
import Digests

/// How a checkpoint's header carries its checksums.
///
/// Each tensor's SHA-256 is metadata under `sha256.NAME`. The file's own is the first metadata, `sha256`: over length and
/// header with 64 zeros in its place. Because it covers the tensors' checksums, and their ranges cover every byte after
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
    guard let digits = digits(in: head) else { throw .badData(notOurs) }
    let digest = digest(of: head, digits)
    guard head[digits].elementsEqual(digest.utf8) else {
      throw .badData("the header does not match its checksum: the file is damaged")
    }
    return digest
  }

  static let notOurs = "it is not a checkpoint of this program"
  static let rewritten =
    "another program wrote it again, so that nothing holds its checksums; train --init-from takes it as weights, and for all else "
    + "export the run again (recur export RUN --safetensors FILE)"

  /// Whether metadata of this program stand in an order that it does not write: another program has read them and written them
  /// again. No damage puts names in another order.
  static func areRewritten(_ header: SafetensorsHeader) -> Bool {
    let own = ["sha256", "format", stateKey] + ExportedModel.keys + header.tensors.map { key(of: $0.name) }
    let places = Name.numbers(own)
    let found = header.metadata.compactMap { places[Name($0.key)] }
    let holdsState = header.metadata.contains { $0.key.hasSameBytes(as: stateKey) }
    return holdsState && zip(found, found.dropFirst()).contains { $0 > $1 }
  }

  private static func digest(of head: UnsafeRawBufferPointer, _ digits: Range<Int>) -> String {
    var hash = SHA256()
    hash.update(UnsafeRawBufferPointer(rebasing: head[..<digits.lowerBound]))
    hash.update(Array(blank.utf8))
    hash.update(UnsafeRawBufferPointer(rebasing: head[digits.upperBound...]))
    return hash.finalize().hexadecimal
  }
}
