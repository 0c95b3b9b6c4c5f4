import Kernels

/// A network with its parameters and gradients: forward and backward over one batch.
///
/// A model is used from one thread at a time. Memory for a step is allocated once for the largest (T, B) seen.
public final class Model {
  public enum Mode: Sendable, Equatable {
    /// Keeps what backward needs; dropout masks are drawn for this (seed, step) and these sample numbers only.
    case training(seed: UInt64, step: UInt64)
    /// Keeps nothing, drops nothing.
    case evaluation
  }

  public let architecture: Architecture
  public let layout: ParameterLayout
  /// All parameters in layout order. After writing to them call `parametersChanged()`.
  public let parameters: UnsafeMutableBufferPointer<Float>
  /// Gradients in layout order; `backward` adds to them.
  public let gradients: UnsafeMutableBufferPointer<Float>

  /// Parameters start with the bits `torch.manual_seed(seed)` and building the same modules would give.
  public init(_ architecture: Architecture, seed: UInt64, threads: Int = 1) { fatalError() }

  /// The network's output for one batch.
  /// - inputs: `[T, B, F]`. It must stay valid until `backward` returns.
  /// - samples: the B sample numbers (they key dropout masks).
  /// - Returns: `[outputRows, outputSize]`, valid until the next call.
  public func forward(
    inputs: UnsafePointer<Float>, samples: UnsafePointer<Int32>, steps: Int, batch: Int, mode: Mode
  ) -> UnsafeMutableBufferPointer<Float> { fatalError() }

  /// Adds the gradients of one batch to `gradients`, given the loss's gradient for the last forward's output.
  public func backward(_ dOutput: UnsafePointer<Float>) { fatalError() }

  /// Sets all gradients to zero.
  public func zeroGradients() {}
  /// Tells that `parameters` were written to: packed copies are made anew at the next forward.
  public func parametersChanged() {}
}
