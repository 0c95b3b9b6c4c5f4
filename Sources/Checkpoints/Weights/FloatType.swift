/// The types of safetensors whose values become float32.
package enum FloatType: String {
  case half = "F16"
  case brain = "BF16"
  case single = "F32"
  case double = "F64"

  /// PyTorch's name.
  package var name: String {
    switch self {
    case .half: "float16"
    case .brain: "bfloat16"
    case .single: "float32"
    case .double: "float64"
    }
  }

  /// The nearest float32 of each value; of float16 and bfloat16 the value itself.
  /// - bytes: little endian; whole values.
  package func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
    switch self {
    case .half: Self.values(bytes, UInt16.self) { Self.float(ofHalf: $0) }
    case .brain: Self.values(bytes, UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case .single: Self.values(bytes, UInt32.self) { Float(bitPattern: $0) }
    case .double: Self.values(bytes, UInt64.self) { Float(Double(bitPattern: $0)) }
    }
  }

  /// A value in the file's own precision, for messages.
  package func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> String {
    guard self == .double else { return "\(floats(bytes)[index])" }
    let bits = bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
    return "\(Double(bitPattern: UInt64(littleEndian: bits)))"
  }

  private static func values<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, _ type: Bits.Type, _ float: (Bits) -> Float
  ) -> [Float] {
    let width = MemoryLayout<Bits>.size
    return [Float](unsafeUninitializedCapacity: bytes.count / width) { values, count in
      count = bytes.count / width
      for index in 0..<count {
        let bits = bytes.loadUnaligned(fromByteOffset: width * index, as: Bits.self)
        values.initializeElement(at: index, to: float(Bits(littleEndian: bits)))
      }
    }
  }

  /// IEEE 754 binary16. Swift's own Float16 is not there on every processor.
  private static func float(ofHalf bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let (exponent, fraction) = (UInt32(bits >> 10) & 31, UInt32(bits & 0x3FF))
    switch exponent {
    // Zero and subnormal numbers: multiples of 2⁻²⁴, which float32 holds.
    case 0: return Float(bitPattern: (Float(fraction) * 0x1p-24).bitPattern | sign)
    case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}
