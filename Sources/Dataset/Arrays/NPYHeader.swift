import Diagnostics
import Files

/// The header of an `.npy` file: a Python dictionary such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct NPYHeader {
  var descr = ""
  var isFortranOrder = false
  var shape: [Int] = []
  /// Bytes before the first element.
  let size: Int

  init(_ file: InputFile) throws(Failure) {
    let bytes = file.padded
    if file.count == 0 { throw file.failure("is empty") }
    guard file.count >= 10, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw file.failure("is not an npy file")
    }
    let version = bytes[6]
    guard (1...3).contains(version) else {
      throw file.failure("is in version \(version) of the npy format; 1 to 3 are known")
    }
    // The length has two bytes in version 1, four later; the padding may be read.
    let start = version == 1 ? 10 : 12
    let length = (8..<start).reversed().reduce(0) { $0 << 8 | Int(bytes[$1]) }
    guard length <= file.size - start else { throw file.failure("is truncated inside its header") }
    guard length <= file.count - start else {
      throw file.failure("has a header of \(length) bytes: far too long")
    }
    size = start + length
    var parser = PythonLiteral(bytes: Array(bytes[start..<start + length]))
    guard let entries = parser.dictionary() else { throw file.failure("has a header that can't be read") }
    guard case .text(let descr) = entries["descr"], case .truth(let order) = entries["fortran_order"],
      case .numbers(let shape) = entries["shape"]
    else { throw file.failure("has a header without a plain descr, fortran_order and shape") }
    (self.descr, isFortranOrder, self.shape) = (descr, order, shape)
  }
}

/// As much of Python's literals as such a header needs.
private struct PythonLiteral {
  enum Value {
    case text(String)
    case truth(Bool)
    case numbers([Int])
    /// A structured type or something else that is of no use here.
    case other
  }

  let bytes: [UInt8]
  var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func dictionary() -> [Name: Value]? {
    var entries: [Name: Value] = [:]
    guard take("{") else { return nil }
    while !take("}") {
      guard let key = text(), take(":"), let value = value() else { return nil }
      entries[Name(key)] = value
      if !take(",") && peek() != UInt8(ascii: "}") { return nil }
    }
    return peek() == nil ? entries : nil
  }

  private mutating func value() -> Value? {
    if peek() == UInt8(ascii: "[") { return skipList() }
    if let text = text() { return .text(text) }
    if takeWord("True") { return .truth(true) }
    if takeWord("False") { return .truth(false) }
    guard take("(") else { return nil }
    var numbers: [Int] = []
    while !take(")") {
      guard let number = number() else { return nil }
      numbers.append(number)
      if !take(",") && peek() != UInt8(ascii: ")") { return nil }
    }
    return .numbers(numbers)
  }

  /// The type of a structured array, a list of tuples.
  private mutating func skipList() -> Value? {
    var depth = 0
    while position < bytes.count {
      if bytes[position] == UInt8(ascii: "[") { depth += 1 }
      if bytes[position] == UInt8(ascii: "]") { depth -= 1 }
      position += 1
      if depth == 0 { return .other }
    }
    return nil
  }

  private mutating func text() -> String? {
    guard let quote = peek(), quote == UInt8(ascii: "'") || quote == quotationMark else { return nil }
    guard let end = bytes[(position + 1)...].firstIndex(of: quote) else { return nil }
    defer { position = end + 1 }
    return String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
  }

  /// A size: digits, with the L of Python 2 after it; nil where it does not fit.
  private mutating func number() -> Int? {
    guard peek() != nil else { return nil }
    let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    position = digits.endIndex
    if position < bytes.count && bytes[position] == UInt8(ascii: "L") { position += 1 }
    return Int(String(decoding: digits, as: UTF8.self))
  }

  /// The next byte that is no blank.
  private mutating func peek() -> UInt8? {
    while position < bytes.count, bytes[position] == space || bytes[position] == newline { position += 1 }
    return position < bytes.count ? bytes[position] : nil
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func takeWord(_ word: String) -> Bool {
    guard peek() != nil, bytes[position...].starts(with: word.utf8) else { return false }
    position += word.utf8.count
    return true
  }
}
