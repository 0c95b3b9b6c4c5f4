import Diagnostics

/// A strict JSON reader over bytes: refuses duplicate keys, wrong UTF-8, control characters, deep nesting.
///
/// Foundation's reader silently takes one of two equal keys, which an attacker can use to show different readers
/// different content. Errors name the byte.
struct JSONReader {
  static let deepest = 64
  let bytes: UnsafeRawBufferPointer
  var position: Int
  private var depth = 0

  init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  func failure(_ message: String) -> Failure { .badData("JSON at byte \(position): \(message)") }
}

extension JSONReader {
  /// The next byte that is no white space, or 0 at the end.
  mutating func peek() -> UInt8 {
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): position += 1
      case let byte: return byte
      }
    }
    return 0
  }

  mutating func expect(_ byte: Unicode.Scalar) throws(Failure) {
    guard peek() == UInt8(ascii: byte) else { throw failure("expected \(byte)") }
    position += 1
  }

  private mutating func descend() throws(Failure) {
    depth += 1
    if depth > JSONReader.deepest { throw failure("nested more than \(JSONReader.deepest) deep") }
  }

  /// Calls `value` at the value of each key; it must read it.
  mutating func object(_ value: (inout JSONReader, String) throws(Failure) -> Void) throws(Failure) {
    try expect("{")
    try descend()
    var keys: Set<Name> = []
    while peek() != UInt8(ascii: "}") {
      if !keys.isEmpty { try expect(",") }
      let key = try string()
      guard keys.insert(Name(key)).inserted else { throw failure("key \"\(key)\" occurs twice") }
      try expect(":")
      try value(&self, key)
    }
    position += 1
    depth -= 1
  }

  /// Calls `element` at each element; it must read it.
  mutating func array(_ element: (inout JSONReader) throws(Failure) -> Void) throws(Failure) {
    try expect("[")
    try descend()
    var isFirst = true
    while peek() != UInt8(ascii: "]") {
      if !isFirst { try expect(",") }
      isFirst = false
      try element(&self)
    }
    position += 1
    depth -= 1
  }

  /// A whole number that is not negative and fits.
  mutating func count() throws(Failure) -> Int {
    let first = peek()
    var value = 0
    let start = position
    while position < bytes.count, case let digit = bytes[position], (48...57).contains(digit) {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(digit) - 48)
      if overflow || carry { throw failure("number too large") }
      value = sum
      position += 1
    }
    if position == start { throw failure("expected a whole number") }
    if first == 48, position > start + 1 { throw failure("number with a leading zero") }
    return value
  }

  /// Any value, checked but not kept.
  mutating func skip() throws(Failure) {
    switch peek() {
    case UInt8(ascii: "{"): try object { reader, _ throws(Failure) in try reader.skip() }
    case UInt8(ascii: "["): try array { reader throws(Failure) in try reader.skip() }
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    default: try number()
    }
  }

  /// Nothing but white space may follow.
  mutating func end() throws(Failure) {
    if peek() != 0 || position != bytes.count { throw failure("unexpected content after the end") }
  }

  private mutating func word(_ word: StaticString) throws(Failure) {
    for offset in 0..<word.utf8CodeUnitCount {
      guard position < bytes.count, bytes[position] == word.utf8Start[offset] else {
        throw failure("unknown word")
      }
      position += 1
    }
  }

  private mutating func number() throws(Failure) {
    let start = position
    while position < bytes.count, "+-.eE0123456789".utf8.contains(bytes[position]) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard Double(text)?.isFinite == true else {
      position = start
      throw failure("expected a value")
    }
  }
}
