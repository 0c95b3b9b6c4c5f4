import Diagnostics

/// The header of a safetensors file: which tensor lies where, and text metadata.
///
/// Format: 8 bytes with the header's length (little endian), the header (JSON, may end in spaces), the tensors' bytes.
/// Source of the rules: the README of the safetensors library. Enforced on reading are all of them: length within
/// bounds, `{` first, no key twice, known types, sizes that match shapes without overflow, offsets from 0 without
/// holes or overlap to the end of the file.
public struct SafetensorsHeader: Equatable, Sendable {
  public struct TensorEntry: Equatable, Sendable {
    public let name: String
    /// For example `F32`.
    public let type: String
    public let shape: [Int]
    /// Its bytes, counted from the first tensor's.
    public let range: Range<Int>
  }

  /// In the order of their bytes.
  public var tensors: [TensorEntry] = []
  public var metadata: [(key: String, value: String)] = []

  public init() {}

  /// Bytes of all tensors.
  public var payload: Int { tensors.last?.range.upperBound ?? 0 }

  public static let longest = 100_000_000
  /// A shape with more dimensions is refused.
  static let mostDimensions = 64
  static let bits = [
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
  ]

  public static func == (a: Self, b: Self) -> Bool {
    a.tensors == b.tensors && a.metadata.elementsEqual(b.metadata) { $0 == $1 }
  }

  // text: asked for in ASCII, which no other characters are equal to.
  public subscript(metadata key: String) -> String? { metadata.first { $0.key == key }?.value }
}

extension SafetensorsHeader {
  /// Reads the header's text.
  /// - payload: bytes in the file after the header.
  /// Throws `badData` that names byte or tensor; memory stays within a small multiple of the text.
  package init(parsing text: UnsafeRawBufferPointer, payload: Int) throws(Failure) {
    guard text.first == UInt8(ascii: "{") else { throw .badData("the header does not begin with {") }
    var reader = JSONReader(text)
    var parsed = SafetensorsHeader()
    try reader.object { reader, name throws(Failure) in
      if name == "__metadata__" {
        try reader.object { reader, key throws(Failure) in
          parsed.metadata.append((key, try reader.string()))
        }
      } else {
        parsed.tensors.append(try TensorEntry(name, from: &reader))
      }
    }
    try reader.end()
    parsed.tensors.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    try parsed.checkOffsets(payload)
    self = parsed
  }

  private func checkOffsets(_ payload: Int) throws(Failure) {
    var end = 0
    for tensor in tensors {
      guard tensor.range.lowerBound == end else {
        throw .badData("tensor \(tensor.name) begins at byte \(tensor.range.lowerBound), not at \(end)")
      }
      end = tensor.range.upperBound
    }
    guard end == payload else {
      throw .badData(
        "the tensors take \(end) bytes, but \(payload) follow the header: the file is incomplete or damaged")
    }
  }
}

extension SafetensorsHeader.TensorEntry {
  fileprivate init(_ name: String, from reader: inout JSONReader) throws(Failure) {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try reader.object { reader, key throws(Failure) in
      switch key {
      case "dtype": type = try reader.string()
      case "shape": shape = try reader.counts(atMost: SafetensorsHeader.mostDimensions)
      case "data_offsets": offsets = try reader.counts(atMost: 2)
      default: throw reader.failure("tensor \(name) has an unknown key \"\(key)\"")
      }
    }
    guard let type, let shape, let offsets, offsets.count == 2, offsets[0] <= offsets[1] else {
      throw .badData("tensor \(name) lacks a type, a shape or a range of bytes")
    }
    guard let bits = SafetensorsHeader.bits[type] else {
      throw .badData("tensor \(name) has type \(type), which is not known")
    }
    guard let size = byteCount(shape, bits: bits) else {
      throw .badData("tensor \(name): shape \(shape) is too large")
    }
    guard size == offsets[1] - offsets[0] else {
      throw .badData(
        "tensor \(name): shape \(shape) of \(type) takes \(size) bytes, but its range has \(offsets[1] - offsets[0])"
      )
    }
    self.init(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1])
  }
}

extension JSONReader {
  fileprivate mutating func counts(atMost most: Int) throws(Failure) -> [Int] {
    var counts: [Int] = []
    try array { reader throws(Failure) in
      if counts.count == most { throw reader.failure("more than \(most) numbers") }
      counts.append(try reader.count())
    }
    return counts
  }
}

/// Bytes of a tensor, or nil where they overflow.
func byteCount(_ shape: [Int], bits: Int) -> Int? {
  var product = bits / 8
  for dimension in shape {
    let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
    if overflow || dimension < 0 { return nil }
    product = next
  }
  return product
}
