import Diagnostics

/// Which of a machine's networks a job uses: devices and IPv4 ranges parted by commas, `eth0` or `10.0.0.0/24`, as Open MPI's
/// `btl_tcp_if_include` has them.
package struct JobNetwork: Equatable, Sendable {
  private enum Interface: Equatable {
    case device([UInt8])
    case range(address: IPAddress, bits: Int)
  }

  /// As it was given.
  package let text: String
  private let parts: [Interface]

  /// - Returns: nil where it is not such a list.
  package init?(_ text: String) {
    let words = text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    let parts = words.compactMap { Self.part($0) }
    guard parts.count == words.count, words.count <= 16 else { return nil }
    (self.text, self.parts) = (text, parts)
  }

  private static func part(_ word: Substring.UTF8View) -> Interface? {
    let ends = word.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    if ends.count == 2 {
      guard let address = IPAddress(ends[0]), address.v4 != nil, let bits = decimal(ends[1], in: 0...32)
      else {
        return nil
      }
      return .range(address: address, bits: bits)
    }
    // Linux' devices have 15 bytes at most; `:` and `@` stand in names of aliases and virtual ones.
    guard ends.count == 1, let first = word.first, first.isLetterOrDigit, word.count <= 15,
      word.allSatisfy({ $0.isLetterOrDigit || "._-:@".utf8.contains($0) })
    else { return nil }
    return .device(Array(word))
  }

  package func contains(_ address: LocalAddress) -> Bool {
    parts.contains { part in
      switch part {
      case .device(let name): name == Array(address.device.utf8)
      case .range(let range, let bits):
        address.address.v4 != nil && range.prefix(bits) == address.address.prefix(bits)
      }
    }
  }
}
