import Digests

/// What one rank tells another: nine numbers of eight bytes, least significant first, and their HMAC-SHA-256 under the job's secret.
///
/// The receiver is in it, so that nobody can hand a message on to another rank; so is a number that only grows, so that none counts
/// twice.
package struct HeartbeatMessage: Equatable {
  package static let size = 72 + Digest.count

  package var from: Int
  package var to: Int
  package var count: UInt64
  package var mark: RankProgress.Mark

  package init(from: Int, to: Int, count: UInt64, mark: RankProgress.Mark) {
    (self.from, self.to, self.count, self.mark) = (from, to, count, mark)
  }

  /// Reads the numbers; nil for a message of another length. Whether it is one of the job is asked with `isSealed`.
  package init?(unchecked bytes: [UInt8]) {
    guard bytes.count == Self.size else { return nil }
    let words = (0..<9).map { word in
      bytes[word * 8..<word * 8 + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    guard let from = Int(exactly: words[0]), let to = Int(exactly: words[1]) else { return nil }
    (self.from, self.to, count) = (from, to, words[2])
    mark = RankProgress.Mark(
      position: words[3], busyBeats: words[4], calls: .init(words[5], words[6], words[7], words[8]))
  }

  /// The bytes to send.
  package func sealed(_ key: [UInt8]) -> [UInt8] {
    let words =
      [
        UInt64(truncatingIfNeeded: from), UInt64(truncatingIfNeeded: to), count, mark.position,
        mark.busyBeats,
      ]
      + mark.calls.indices.map { mark.calls[$0] }
    let body = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    return body + HMAC.code(of: body, key: key)
  }

  package static func isSealed(_ bytes: [UInt8], _ key: [UInt8]) -> Bool {
    guard bytes.count == size else { return false }
    return HMAC.isValid(Array(bytes[72...]), of: Array(bytes[..<72]), key: key)
  }
}
