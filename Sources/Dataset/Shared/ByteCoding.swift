import Diagnostics

/// Numbers and byte strings one after the other, as processes exchange them.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ number: Int) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }
  mutating func add(_ number: Double) { add(Int(bitPattern: UInt(number.bitPattern))) }
  mutating func add(_ text: String) {
    add(text.utf8.count)
    bytes += text.utf8
  }
  mutating func add(_ names: NameTable) {
    add(names.count)
    for number in 0..<names.count {
      add(names[number].count)
      bytes += names[number]
    }
  }
  mutating func add(_ texts: [String]) {
    add(texts.count)
    for text in texts { add(text) }
  }
}

/// Reads what a `ByteWriter` of this program wrote.
struct ByteReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func int() -> Int {
    defer { rest = rest.dropFirst(8) }
    return rest.withUnsafeBytes { Int(littleEndian: $0.loadUnaligned(as: Int.self)) }
  }
  mutating func double() -> Double { Double(bitPattern: UInt64(UInt(bitPattern: int()))) }
  mutating func byteString() -> [UInt8] {
    let count = int()
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }
  mutating func byteStrings() -> [[UInt8]] {
    let count = int()
    return (0..<count).map { _ in byteString() }
  }
  mutating func text() -> String { String(decoding: byteString(), as: UTF8.self) }
  mutating func texts() -> [String] {
    let count = int()
    return (0..<count).map { _ in text() }
  }
}
