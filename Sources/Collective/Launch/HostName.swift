/// What a machine of a job may be called: letters, digits, `.`, `_` and `-` of ASCII, beginning with a letter, a digit or `_`; an IPv6
/// address; perhaps `user@` before it. No such name can be an option or a command of a program that it is handed to.
package enum HostName {
  /// DNS' longest name.
  package static let longest = 253
  private static let longestUser = 32

  package static func isValid(_ bytes: some Collection<UInt8>) -> Bool {
    let parts = bytes.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
    switch parts.count {
    case 1: return isMachine(parts[0])
    case 2: return isWord(parts[0], longest: longestUser) && isMachine(parts[1])
    default: return false
    }
  }

  private static func isMachine(_ bytes: some Collection<UInt8>) -> Bool {
    isWord(bytes, longest: longest) || isIPv6(bytes)
  }

  private static func isWord(_ bytes: some Collection<UInt8>, longest: Int) -> Bool {
    guard let first = bytes.first, bytes.count <= longest else { return false }
    return (first.isLetterOrDigit || first == UInt8(ascii: "_"))
      && bytes.allSatisfy { $0.isLetterOrDigit || "._-".utf8.contains($0) }
  }

  /// Groups of at most four hexadecimal digits, the last perhaps an IPv4 address.
  private static func isIPv6(_ bytes: some Collection<UInt8>) -> Bool {
    let groups = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    return (3...8).contains(groups.count) && bytes.count <= 45
      && groups.enumerated().allSatisfy { number, group in
        if number == groups.count - 1, group.contains(UInt8(ascii: ".")) {
          return IPAddress(group)?.v4 != nil
        }
        return group.count <= 4 && group.allSatisfy(\.isHexDigit)
      }
  }
}

extension UInt8 {
  var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

  var isLetterOrDigit: Bool { isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }

  fileprivate var isHexDigit: Bool {
    isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self | 0x20)
  }
}

/// A decimal number of digits alone, in a range; nil for anything else.
func decimal(_ bytes: some Collection<UInt8>, in range: ClosedRange<Int>) -> Int? {
  guard !bytes.isEmpty, bytes.count <= 18, bytes.allSatisfy(\.isDigit) else { return nil }
  let value = bytes.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  return range.contains(value) ? value : nil
}
