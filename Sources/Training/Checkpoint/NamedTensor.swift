import Crypto

/// A float32 tensor to be written to a checkpoint: its name, its shape and its values in C order.
///
/// It borrows the memory: the values must stay valid until the call it is passed to returns.
public struct NamedTensor {
  /// PyTorch's name, or `optimizer.` and a name.
  public let name: String
  public let shape: [Int]
  /// As many as the shape's product.
  public let values: UnsafeBufferPointer<Float>

  public init(name: String, shape: [Int], values: UnsafeBufferPointer<Float>) {
    self.name = name
    self.shape = shape
    self.values = values
  }
}

/// The SHA-256 of the values' bytes (little endian, in order), as 64 lower-case hexadecimal digits.
///
/// Over all parameters in layout order this is a run's `parameters_sha256`.
public func parametersSHA256(_ values: UnsafeBufferPointer<Float>) -> String {
  SHA256.hash(bytes: UnsafeRawBufferPointer(values)).hexadecimal
}

extension SHA256.Digest {
  /// 64 lower-case hexadecimal digits.
  var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(unsafeUninitializedCapacity: 64) { text in
      for (index, byte) in self.enumerated() {
        text[2 * index] = digits[Int(byte >> 4)]
        text[2 * index + 1] = digits[Int(byte & 15)]
      }
      return 64
    }
  }
}

extension SHA256 {
  static func hash(bytes: UnsafeRawBufferPointer) -> SHA256.Digest {
    var hash = SHA256()
    hash.update(bufferPointer: bytes)
    return hash.finalize()
  }
}
