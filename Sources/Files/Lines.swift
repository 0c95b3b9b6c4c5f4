let newline = UInt8(ascii: "\n")
let carriageReturn = UInt8(ascii: "\r")

/// The lines of a text, without their ends. LF, CR LF and CR end a line, and nothing else does: not a form feed, not U+0085 or
/// U+2028, which Swift's `isNewline` and Foundation take for line ends as well.
///
/// What stands after the last line end is a line if it is not empty. The bytes must live as long as the lines are used.
package struct Lines: Sequence, IteratorProtocol {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var start = 0
  /// Of the line that `next` returned last, from 1.
  package private(set) var number = 0

  package init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  package mutating func next() -> UnsafeBufferPointer<UInt8>? {
    guard start < bytes.count else { return nil }
    var end = start
    while end < bytes.count, bytes[end] != newline, bytes[end] != carriageReturn { end += 1 }
    defer {
      let isPair = end + 1 < bytes.count && bytes[end] == carriageReturn && bytes[end + 1] == newline
      start = end + (isPair ? 2 : 1)
      number += 1
    }
    return UnsafeBufferPointer(rebasing: bytes[start..<end])
  }

  /// The lines as texts; what is not UTF-8 becomes U+FFFD.
  package static func texts(of bytes: some Collection<UInt8>) -> [String] {
    Array(bytes).withUnsafeBufferPointer { Lines($0).map { String(decoding: $0, as: UTF8.self) } }
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// The parts between these bytes.
  package func parts(separatedBy separator: UInt8, keepingEmpty: Bool = true) -> [UnsafeBufferPointer<UInt8>]
  {
    split(separator: separator, omittingEmptySubsequences: !keepingEmpty).map {
      UnsafeBufferPointer(rebasing: $0)
    }
  }
}
