/// The fields of a message of Protocol Buffers, as `ProtobufMessage` writes them; files of the onnx package are read by it.
struct ProtobufReader {
  enum Value {
    case number(UInt64)
    case bytes([UInt8])
    /// Four bytes, the least one first.
    case word(UInt32)
  }

  private var fields: [(number: Int, value: Value)] = []

  /// nil where the bytes are no such message.
  init?(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      guard let key = Self.varint(&rest) else { return nil }
      let value: Value
      switch key & 7 {
      case 0:
        guard let number = Self.varint(&rest) else { return nil }
        value = .number(number)
      case 2:
        guard let count = Self.varint(&rest), count <= rest.count else { return nil }
        value = .bytes(Array(rest.prefix(Int(count))))
        rest = rest.dropFirst(Int(count))
      case 5:
        guard rest.count >= 4 else { return nil }
        value = .word(rest.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })
        rest = rest.dropFirst(4)
      default: return nil
      }
      fields.append((Int(key >> 3), value))
    }
  }

  private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      guard let byte = rest.popFirst() else { return nil }
      value |= UInt64(byte & 127) << UInt64(shift)
      if byte < 128 { return value }
    }
    return nil
  }

  // MARK: A field's values, in their order

  private func values(_ field: Int) -> [Value] { fields.filter { $0.number == field }.map(\.value) }

  func messages(_ field: Int) -> [ProtobufReader] { bytes(field).compactMap { ProtobufReader($0) } }
  func texts(_ field: Int) -> [String] { bytes(field).map { String(decoding: $0, as: UTF8.self) } }
  func bytes(_ field: Int) -> [[UInt8]] {
    values(field).compactMap { if case .bytes(let bytes) = $0 { bytes } else { nil } }
  }

  /// int32, int64 and enums, one by one or side by side.
  func numbers(_ field: Int) -> [Int] {
    values(field).flatMap { value -> [Int] in
      switch value {
      case .number(let number): return [Int(truncatingIfNeeded: number)]
      case .word: return []
      case .bytes(let bytes):
        var (rest, numbers) = (bytes[...], [Int]())
        while let number = Self.varint(&rest) { numbers.append(Int(truncatingIfNeeded: number)) }
        return numbers
      }
    }
  }

  /// float, likewise.
  func floats(_ field: Int) -> [Float] {
    values(field).flatMap { value -> [Float] in
      switch value {
      case .number: return []
      case .word(let word): return [Float(bitPattern: word)]
      case .bytes(let bytes): return Self.floats(bytes)
      }
    }
  }

  static func floats(_ bytes: [UInt8]) -> [Float] {
    stride(from: 0, to: bytes.count / 4 * 4, by: 4).map { at in
      Float(bitPattern: bytes[at..<at + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }
  }
}
