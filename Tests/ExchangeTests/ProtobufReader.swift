import Exchange

/// The fields of a message of Protocol Buffers by their numbers; files of the onnx package are read by it.
struct ProtobufReader {
  private var fields: [(number: Int, value: ProtobufFields.WireValue)] = []

  /// nil where the bytes are no such message.
  init?(_ bytes: [UInt8]) {
    var reader = ProtobufFields(bytes[...])
    while let (number, value) = reader.next() { fields.append((number, value)) }
    if reader.isDamaged { return nil }
  }

  // MARK: A field's values, in their order

  private func values(_ field: Int) -> [ProtobufFields.WireValue] {
    fields.filter { $0.number == field }.map(\.value)
  }

  func messages(_ field: Int) -> [ProtobufReader] { bytes(field).compactMap { ProtobufReader($0) } }
  func texts(_ field: Int) -> [String] { bytes(field).map { String(decoding: $0, as: UTF8.self) } }
  func bytes(_ field: Int) -> [[UInt8]] {
    values(field).compactMap { if case .bytes(let bytes) = $0 { Array(bytes) } else { nil } }
  }

  /// int32, int64 and enums, one by one or side by side.
  func numbers(_ field: Int) -> [Int] {
    values(field).flatMap { value -> [Int] in
      switch value {
      case .number(let number): return [Int(truncatingIfNeeded: number)]
      case .bytes(let bytes):
        var (rest, numbers) = (ProtobufFields(bytes), [Int]())
        while let number = rest.varint() { numbers.append(Int(truncatingIfNeeded: number)) }
        return numbers
      }
    }
  }

  /// float, likewise.
  func floats(_ field: Int) -> [Float] {
    values(field).flatMap { value -> [Float] in
      switch value {
      case .number(let word): return [Float(bitPattern: UInt32(truncatingIfNeeded: word))]
      case .bytes(let bytes): return Self.floats(Array(bytes))
      }
    }
  }

  static func floats(_ bytes: [UInt8]) -> [Float] {
    stride(from: 0, to: bytes.count / 4 * 4, by: 4).map { at in
      Float(bitPattern: bytes[at..<at + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }
  }
}
