/// Amounts of memory as people write them: `2GiB`, `500MB`, or a number of bytes.
package enum ByteCount {
  /// The largest first.
  private static let units: [(name: String, bytes: Double)] = [
    ("TiB", 0x1p40), ("GiB", 0x1p30), ("MiB", 0x1p20), ("KiB", 0x1p10), ("TB", 1e12), ("GB", 1e9),
    ("MB", 1e6),
    ("kB", 1e3), ("", 1),
  ]

  /// nil where it is no amount of one byte or more.
  package static func read(_ text: String) -> Int? {
    let digits = text.utf8.prefix { (48...57).contains($0) || $0 == UInt8(ascii: ".") }
    let unit = String(Substring(text.utf8.dropFirst(digits.count))).filter { $0 != " " }
    guard let number = Double(String(Substring(digits))),
      let bytes = units.first(where: { $0.name.hasSameBytes(as: unit) })?.bytes
    else { return nil }
    let count = number * bytes
    return count >= 1 && count < 0x1p62 ? Int(count) : nil
  }

  /// In the largest unit of which it is a whole number.
  package static func text(_ bytes: Int) -> String {
    let unit = units.first { bytes % Int($0.bytes) == 0 }!
    return "\(bytes / Int(unit.bytes))\(unit.name)"
  }
}
