import TestSupport

/// Changes inputs: bytes, words, numbers, lengths, lines, nesting.
struct Mutator {
  /// Inputs are cut here.
  static let longest = 1 << 15
  var random: SplitMix
  let words: [[UInt8]]

  init(seed: UInt64, words: [String]) {
    random = SplitMix(state: seed)
    self.words = (words + ["", ",", "\n", "\"", "nan", "inf", "-1", "0", "1e999"]).map { Array($0.utf8) }
  }

  private static let numbers = [
    "0", "-0", "1", "-1", "255", "256", "65536", "2147483647", "2147483648", "4294967296",
    "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "18446744073709551615", "1e308", "1e-320", "1e999", "0.1", "00", "nan", "inf", "0x10",
  ].map { Array($0.utf8) }
  private static let telling =
    Array("0,.:;-+eE\"'\n\r\t @#()[]{}?nN&*!|>%\\~=".utf8) + [0, 1, 8, 27, 127, 128, 192, 254, 255]
  private static let brackets: [[UInt8]] = ["[", "{", "(", "- ", "{a: ", "[[", "{\"a\":", "? "].map {
    Array($0.utf8)
  }

  /// One to eight changes, few more often than many. `other` may lend its end.
  mutating func mutated(_ input: [UInt8], other: [UInt8]) -> [UInt8] {
    var bytes = input
    for _ in 0...min(7, Int.random(in: 0...255, using: &random).leadingZeroBitCount - 56) {
      if bytes.isEmpty { bytes = [below(256).byte] }
      change(&bytes, other)
    }
    return bytes.count > Self.longest ? Array(bytes.prefix(Self.longest)) : bytes
  }

  private mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

  private mutating func change(_ bytes: inout [UInt8], _ other: [UInt8]) {
    let place = below(bytes.count)
    switch below(16) {
    case 0: bytes[place] ^= 1 << below(8).byte
    case 1: bytes[place] = Self.telling[below(Self.telling.count)]
    case 2: bytes.insert(Self.telling[below(Self.telling.count)], at: place)
    case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(8)))
    case 4: bytes.removeLast(min(bytes.count, below(24)))
    case 5: repeatPart(&bytes, place)
    case 6: bytes.insert(contentsOf: words[below(words.count)], at: place)
    case 7: replaceToken(&bytes, place, where: { $0.isWord }, by: words[below(words.count)])
    case 8, 9:
      replaceToken(&bytes, place, where: { $0.isNumber }, by: Self.numbers[below(Self.numbers.count)])
    case 10: overwriteLength(&bytes, place)
    case 11: repeatSegment(&bytes, place, UInt8(ascii: "\n"))
    case 12: repeatSegment(&bytes, place, UInt8(ascii: ","))
    case 13: removeSegment(&bytes, place, UInt8(ascii: "\n"))
    case 14: nest(&bytes, place)
    default: bytes = bytes.prefix(place) + other.suffix(below(other.count + 1))
    }
  }

  private mutating func repeatPart(_ bytes: inout [UInt8], _ place: Int) {
    let part = bytes[place...].prefix(1 + below(16))
    for _ in 0..<(below(8) == 0 ? below(200) : 1) { bytes.insert(contentsOf: part, at: place) }
  }

  /// The run of such bytes at or after a place becomes something else.
  private func replaceToken(
    _ bytes: inout [UInt8], _ place: Int, where belongs: (UInt8) -> Bool, by word: [UInt8]
  ) {
    guard var start = bytes[place...].firstIndex(where: belongs) else { return }
    while start > 0, belongs(bytes[start - 1]) { start -= 1 }
    let end = bytes[start...].firstIndex { !belongs($0) } ?? bytes.count
    bytes.replaceSubrange(start..<end, with: word)
  }

  /// A length or size in binary: near a power of two, the largest ones, or near the number of bytes.
  private mutating func overwriteLength(_ bytes: inout [UInt8], _ place: Int) {
    let size = 1 << below(4)
    guard bytes.count >= size else { return }
    let near = [1 << below(64), -1, Int.max, bytes.count, 0][below(5)] &+ below(3) &- 1
    let start = min(place, bytes.count - size)
    let bigEndian = below(2) == 0
    for i in 0..<size { bytes[start + i] = (near >> (8 * (bigEndian ? size - 1 - i : i)) & 255).byte }
  }

  /// The part between two separators: a line, an element, a key with its value.
  private func segment(_ bytes: [UInt8], _ place: Int, _ separator: UInt8) -> Range<Int> {
    let start = bytes[..<place].lastIndex(of: separator).map { $0 + 1 } ?? 0
    let end = bytes[max(start, place)...].firstIndex(of: separator).map { $0 + 1 } ?? bytes.count
    return start..<end
  }

  /// Once more, here or elsewhere: double keys, changed order.
  private mutating func repeatSegment(_ bytes: inout [UInt8], _ place: Int, _ separator: UInt8) {
    let part = bytes[segment(bytes, place, separator)]
    let target = segment(bytes, below(bytes.count), separator).lowerBound
    bytes.insert(contentsOf: part, at: below(2) == 0 ? part.endIndex : target)
  }

  private func removeSegment(_ bytes: inout [UInt8], _ place: Int, _ separator: UInt8) {
    bytes.removeSubrange(segment(bytes, place, separator))
  }

  private mutating func nest(_ bytes: inout [UInt8], _ place: Int) {
    let bracket = Self.brackets[below(Self.brackets.count)]
    let depth = 1 + below(1 << below(14))
    bytes.insert(contentsOf: (0..<depth).flatMap { _ in bracket }, at: place)
  }
}

extension UInt8 {
  fileprivate var isNumber: Bool { (48...57).contains(self) || self == UInt8(ascii: ".") }
  fileprivate var isWord: Bool {
    (65...90).contains(self) || (97...122).contains(self) || self == UInt8(ascii: "_")
  }
}

extension Int {
  fileprivate var byte: UInt8 { UInt8(truncatingIfNeeded: self) }
}
