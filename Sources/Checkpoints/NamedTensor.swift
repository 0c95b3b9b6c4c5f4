import Digests

/// A float32 tensor to be written to a checkpoint: its name, its shape and its values in C order.
///
/// It borrows the memory: the values must stay valid until the call it is passed to returns.
package struct NamedTensor {
  /// PyTorch's name, or `optimizer.` and a name.
  package let name: String
  package let shape: [Int]
  /// As many as the shape's product.
  package let values: UnsafeBufferPointer<Float>

  package init(name: String, shape: [Int], values: UnsafeBufferPointer<Float>) {
    self.name = name
    self.shape = shape
    self.values = values
  }
}

/// The SHA-256 of the values' bytes (little endian, in order), as 64 lower-case hexadecimal digits.
///
/// Over all parameters in layout order this is a run's `parameters_sha256`.
package func parametersSHA256(_ values: UnsafeBufferPointer<Float>) -> String {
  SHA256.hash(UnsafeRawBufferPointer(values)).hexadecimal
}
