import Diagnostics

extension SafetensorsHeader {
  /// Appends a float32 tensor after the last one.
  public mutating func add(_ name: String, _ shape: [Int]) throws(Failure) {
    guard name != "__metadata__", let size = byteCount(shape, bits: 32), shape.count <= Self.mostDimensions
    else {
      throw Failure(.internalError, "tensor \(name) of shape \(shape) can't be stored")
    }
    let (end, overflow) = payload.addingReportingOverflow(size)
    if overflow { throw Failure(.internalError, "tensor \(name) of shape \(shape) is too large") }
    tensors.append(TensorEntry(name: name, type: "F32", shape: shape, range: payload..<end))
  }

  /// The first bytes of a file: length and text, metadata first, filled with spaces so that tensors begin at a
  /// multiple of 64.
  public func encoded() throws(Failure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 8)
    bytes += Array("{\"__metadata__\":{".utf8)
    for (index, (key, value)) in metadata.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      appendJSONString(key, to: &bytes)
      bytes.append(UInt8(ascii: ":"))
      appendJSONString(value, to: &bytes)
    }
    bytes.append(UInt8(ascii: "}"))
    for tensor in tensors {
      bytes.append(UInt8(ascii: ","))
      appendJSONString(tensor.name, to: &bytes)
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let range = "\(tensor.range.lowerBound),\(tensor.range.upperBound)"
      bytes += Array(":{\"dtype\":\"\(tensor.type)\",\"shape\":[\(shape)],\"data_offsets\":[\(range)]}".utf8)
    }
    bytes.append(UInt8(ascii: "}"))
    while bytes.count % 64 != 0 { bytes.append(UInt8(ascii: " ")) }
    let length = bytes.count - 8
    guard length <= Self.longest else {
      throw Failure(
        .internalError, "a checkpoint's header would take \(length) bytes; at most \(Self.longest) fit")
    }
    for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
    return bytes
  }
}
