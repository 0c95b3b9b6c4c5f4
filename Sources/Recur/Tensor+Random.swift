import Batches
import Diagnostics
import Kernels

/// Random tensors with PyTorch's bits: a generator of a seed gives what `torch.manual_seed(seed)` and the same calls would.
extension Tensor {
  /// `torch.randn(shape)`: normal, of mean 0 and deviation 1.
  /// - Throws: `badData` where there is no tensor of this shape.
  public static func randn(_ shape: [Int], using generator: inout TorchGenerator) throws(Failure) -> Tensor {
    try filled(shape) { generator.normal($0) }
  }

  /// `torch.rand(shape)`, moved: uniform in a range without its end.
  /// - Throws: `badData` where there is no tensor of this shape.
  public static func rand(
    _ shape: [Int], in range: Range<Float> = 0..<1, using generator: inout TorchGenerator
  ) throws(Failure) -> Tensor {
    try filled(shape) { generator.uniform($0, from: range.lowerBound, to: range.upperBound) }
  }

  private static func filled(_ shape: [Int], _ fill: (UnsafeMutableBufferPointer<Float>) -> Void)
    throws(Failure) -> Tensor
  {
    var values = try Tensor(repeating: 0, shape: shape).values
    values.withUnsafeMutableBufferPointer { fill($0) }
    return try Tensor(values, shape: shape)
  }
}
