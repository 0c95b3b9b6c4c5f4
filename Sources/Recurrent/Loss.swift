/// A loss over the outputs of one batch, as a *sum* and the sum of weights to divide it by.
public enum Loss: Sendable, Equatable {
  case mse
  case mae
  /// PyTorch's `HuberLoss(delta)`.
  case huber(delta: Float)
  /// PyTorch's `CrossEntropyLoss(weight, ignore_index, label_smoothing)`.
  case crossEntropy(ignoreIndex: Int32 = -100, classWeights: [Float]? = nil, labelSmoothing: Float = 0)
  /// PyTorch's `BCEWithLogitsLoss`.
  case bceWithLogits

  /// A loss that was summed, not averaged.
  public struct Total: Sendable, Equatable {
    public var sum: Double
    /// Elements for mse, mae, huber, bce; class weight of the items not ignored for cross entropy.
    public var weight: Double
    public init(sum: Double = 0, weight: Double = 0) {
      self.sum = sum
      self.weight = weight
    }
  }

  /// The summed loss of `rows × width` outputs, and its gradient where asked for.
  /// - values: targets `[rows, width]`; used by mse, mae, huber, bce.
  /// - classes: targets `[rows]`; used by cross entropy.
  /// - gradient: `[rows, width]`, overwritten with the gradient of the *sum*.
  public func evaluate(
    outputs: UnsafePointer<Float>, rows: Int, width: Int, values: UnsafePointer<Float>,
    classes: UnsafePointer<Int32>, gradient: UnsafeMutablePointer<Float>?
  ) -> Total { fatalError() }
}
