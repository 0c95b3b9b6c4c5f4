import Diagnostics
import Files

/// A text that is read piece by piece. It is cut only where a token may begin, so that each piece can be read without the others, and
/// where it is cut depends on the file alone.
struct TextPieces {
  let file: InputFile
  let kind: DataSpecification.Tokens
  /// The bytes of the file that are text.
  let range: Range<Int>
  /// Whether a line ends where the file does.
  private let isComplete: Bool
  private static let size = 1 << 20
  private static let advice = "; use data.tokens: byte"

  /// - isComplete: whether the last line ends where the file does.
  init(_ file: InputFile, _ kind: DataSpecification.Tokens, isComplete: Bool = true) throws(Failure) {
    (self.file, self.kind, self.isComplete) = (file, kind, isComplete)
    range = try file.textStart()..<file.size
  }

  /// The bytes of one of `count` parts of like size.
  func part(_ index: Int, of count: Int) throws(Failure) -> Range<Int> {
    let share = range.count / count
    let end = index + 1 == count ? range.upperBound : range.lowerBound + (index + 1) * share
    return try cut(range.lowerBound + index * share)..<cut(end)
  }

  /// Calls `body` with the pieces of a part, in order, and where each begins.
  /// - Throws: `badData` where characters or words are wanted of what is not UTF-8.
  func forEach(
    in part: Range<Int>, _ body: (_ piece: UnsafeBufferPointer<UInt8>, _ start: Int) throws(Failure) -> Void
  ) throws(Failure) {
    var start = part.lowerBound
    while start < part.upperBound {
      let end = try cut(min(start + Self.size, part.upperBound))
      try file.withBytes(start..<end) { (piece) throws(Failure) in
        if kind != .byte, String(validating: piece, as: UTF8.self) == nil {
          throw file.failure("is not UTF-8 text\(Self.advice)")
        }
        try body(piece, start)
      }
      start = end
    }
  }

  /// Whether a line ends where this piece does, because the file does and not with a line end.
  func endsLine(_ piece: UnsafeBufferPointer<UInt8>, _ start: Int) -> Bool {
    guard isComplete, start + piece.count == range.upperBound, let last = piece.last else { return false }
    return last != newline && last != carriageReturn
  }

  /// The first place from there on where the text can be cut: of characters where one begins, of words after a blank or a line feed.
  private func cut(_ place: Int) throws(Failure) -> Int {
    if kind == .byte || place <= range.lowerBound || place >= range.upperBound { return place }
    var place = place
    // A word ends before this place, or the place is looked for after it.
    if kind == .word { place -= 1 }
    while place < range.upperBound {
      let end = min(place + 4096, range.upperBound)
      let found = try file.withBytes(place..<end) { bytes in
        kind == .char
          ? bytes.firstIndex { $0 & 0xC0 != 0x80 }
          : bytes.firstIndex { $0 == newline || $0 == space || $0 == tab }.map { $0 + 1 }
      }
      if let found { return place + found }
      place = end
    }
    return range.upperBound
  }
}
