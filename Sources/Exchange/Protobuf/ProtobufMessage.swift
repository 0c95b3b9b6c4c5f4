/// A message of Protocol Buffers: its fields one after the other, in the order in which they are added.
///
/// A field is a key, number · 8 + wire type, and its value: 0 a varint, 1 eight bytes, 2 bytes with their count in front of them,
/// 5 four bytes (protobuf.dev/programming-guides/encoding). Repeated fields are written value by value, as proto2 does, but where
/// `packed` says so.
struct ProtobufMessage: Sendable, Equatable {
  private(set) var bytes: [UInt8] = []

  /// int32, int64 and enums; a negative number takes ten bytes.
  mutating func add(_ field: Int, _ value: Int) {
    addVarint(UInt64(field << 3))
    addVarint(UInt64(bitPattern: Int64(value)))
  }

  mutating func add(_ field: Int, _ text: String) {
    addHead(field, size: text.utf8.count)
    bytes += text.utf8
  }

  mutating func add(_ field: Int, _ message: ProtobufMessage) {
    addHead(field, size: message.bytes.count)
    bytes += message.bytes
  }

  mutating func add(_ field: Int, _ value: Float) {
    addVarint(UInt64(field << 3 | 5))
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  mutating func add(_ field: Int, _ value: Double) {
    addVarint(UInt64(field << 3 | 1))
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  mutating func add(_ field: Int, _ flag: Bool) { add(field, flag ? 1 : 0) }

  mutating func add(_ field: Int, packed values: [Double]) {
    addHead(field, size: 8 * values.count)
    for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
  }

  mutating func add(_ field: Int, _ content: [UInt8]) {
    addHead(field, size: content.count)
    bytes += content
  }

  /// Numbers as they lie in memory, the first byte the least one.
  mutating func add(_ field: Int, raw: UnsafeRawBufferPointer) {
    addHead(field, size: raw.count)
    bytes += raw
  }

  private mutating func addHead(_ field: Int, size: Int) {
    addVarint(UInt64(field << 3 | 2))
    addVarint(UInt64(size))
  }

  /// Seven bits a byte, the lowest first; the eighth says that more follow.
  private mutating func addVarint(_ value: UInt64) {
    var rest = value
    while rest > 127 {
      bytes.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
