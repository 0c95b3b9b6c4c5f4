extension StringProtocol {
  /// Columns of a terminal that the text takes: none for marks that stand on the letter before them, two for the wide ones of
  /// East Asia and emoji.
  package var columns: Int {
    utf8.allSatisfy { $0 < 128 } ? utf8.count : unicodeScalars.reduce(0) { $0 + $1.columns }
  }

  /// The text, or as much of its beginning as has room in that many columns, with … after it.
  package func shortened(to limit: Int) -> String {
    guard columns > limit else { return String(self) }
    var (start, width) = (String.UnicodeScalarView(), 1)
    for scalar in unicodeScalars {
      width += scalar.columns
      if width > limit { break }
      start.append(scalar)
    }
    return String(start) + "…"
  }
}

extension Unicode.Scalar {
  fileprivate var columns: Int {
    if value < 0x300 { return 1 }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    // Vowels and final consonants of Korean syllables that are written letter by letter.
    if (0x1160...0x11FF).contains(value) { return 0 }
    return properties.isEmojiPresentation || Self.wide.contains { $0.contains(value) } ? 2 : 1
  }

  /// East_Asian_Width W and F, emoji aside (Unicode 16, EastAsianWidth.txt).
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2329...0x232A, 0x2630...0x2637, 0x268A...0x268F, 0x2E80...0x303E, 0x3041...0x33FF,
    0x3400...0x4DBF, 0x4DC0...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19,
    0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18D08, 0x1AFF0...0x1B2FB,
    0x1D300...0x1D376, 0x1F200...0x1F265, 0x20000...0x2FFFD, 0x30000...0x3FFFD,
  ]
}
