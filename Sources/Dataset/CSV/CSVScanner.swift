import Diagnostics
import Files

/// Finds the fields of a CSV file (RFC 4180, lines ending in LF, CR LF or CR): pointers into its bytes, nothing copied.
///
/// The bytes end in `InputFile.padding` line feeds, so a field always ends before the memory does.
struct CSVScanner {
  let base: UnsafePointer<UInt8>
  /// One past the file's last byte.
  let end: UnsafePointer<UInt8>
  let delimiter: UInt8

  /// A field between two delimiters.
  struct Field {
    /// The contents: without the quotes, and without blanks around them where there are no quotes.
    var contents: UnsafeBufferPointer<UInt8>
    var isQuoted: Bool
    /// The delimiter or line end after the field.
    var stop: UnsafePointer<UInt8>
  }

  /// What quoting can do wrong, and where.
  struct QuoteError: Error {
    let offset: Int
    let explanation: String
    /// Whether more bytes could have closed the quotation.
    var isOpen = false
  }

  @inline(__always)
  func endsLine(_ byte: UInt8) -> Bool { byte == newline || byte == carriageReturn }

  @inline(__always)
  func endsField(_ byte: UInt8) -> Bool { byte == delimiter || endsLine(byte) }

  /// After the line end at `p`.
  @inline(__always)
  func nextLine(_ p: UnsafePointer<UInt8>) -> UnsafePointer<UInt8> {
    p.pointee == carriageReturn && p[1] == newline ? p + 2 : p + 1
  }

  /// Whether only line ends follow.
  func isBlank(from start: UnsafePointer<UInt8>) -> Bool {
    var p = start
    while p < end && endsLine(p.pointee) { p += 1 }
    return p >= end
  }

  /// The delimiter or line end that ends the unquoted field at `start`; eight bytes a step.
  @inline(__always)
  func stop(_ start: UnsafePointer<UInt8>) -> UnsafePointer<UInt8> {
    let ones: UInt64 = 0x0101_0101_0101_0101
    var p = start
    while true {
      let word = UnsafeRawPointer(p).loadUnaligned(as: UInt64.self).littleEndian
      // The lowest byte that is zero after the exclusive or gets its high bit set.
      func zeros(_ byte: UInt8) -> UInt64 {
        let x = word ^ (ones &* UInt64(byte))
        return (x &- ones) & ~x & (ones << 7)
      }
      let found = zeros(delimiter) | zeros(newline) | zeros(carriageReturn)
      if found != 0 { return p + found.trailingZeroBitCount / 8 }
      p += 8
    }
  }

  /// The field that starts at `start`.
  func field(_ start: UnsafePointer<UInt8>) throws(QuoteError) -> Field {
    if start.pointee == quotationMark { return try quotedField(start) }
    let stop = stop(start)
    var (first, last) = (start, stop)
    while first < last && isBlank(first.pointee) { first += 1 }
    while first < last && isBlank((last - 1).pointee) { last -= 1 }
    return Field(
      contents: UnsafeBufferPointer(start: first, count: last - first), isQuoted: false, stop: stop)
  }

  private func quotedField(_ start: UnsafePointer<UInt8>) throws(QuoteError) -> Field {
    var p = start + 1
    while p < end && (p.pointee != quotationMark || p[1] == quotationMark) {
      p += p.pointee == quotationMark ? 2 : 1
    }
    guard p < end else {
      throw QuoteError(
        offset: start - base, explanation: "a quotation mark opens here and never closes", isOpen: true)
    }
    guard endsField(p[1]) else {
      throw QuoteError(offset: p - base, explanation: "text follows a closing quotation mark")
    }
    return Field(
      contents: UnsafeBufferPointer(start: start + 1, count: p - start - 1), isQuoted: true, stop: p + 1)
  }

  private func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }
}

extension CSVScanner.Field {
  /// Whether the contents are what the field means.
  var isLiteral: Bool { !isQuoted || !contents.contains(quotationMark) }

  /// What the field means: doubled quotation marks are one.
  var unquoted: [UInt8] {
    if isLiteral { return Array(contents) }
    var bytes: [UInt8] = []
    var skip = false
    for byte in contents {
      if byte == quotationMark && skip {
        skip = false
        continue
      }
      skip = byte == quotationMark
      bytes.append(byte)
    }
    return bytes
  }
}

extension InputFile {
  func withScanner<R>(
    delimiter: UInt8, _ body: (CSVScanner) throws(Failure) -> R
  ) throws(Failure) -> R {
    try padded.withUnsafeBufferPointer { (buffer) throws(Failure) -> R in
      let base = buffer.baseAddress!
      return try body(CSVScanner(base: base, end: base + count, delimiter: delimiter))
    }
  }
}
