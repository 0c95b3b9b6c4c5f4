/// How far a gradient may reach.
package struct GradientLimits: Sendable {
  /// The norm of the mean gradient, then each of its elements; nil for no limit.
  package var norm: Double?
  package var value: Float?
  package init(norm: Double? = nil, value: Float? = nil) {
    self.norm = norm
    self.value = value
  }
  package init(_ train: TrainSpecification) {
    self.init(norm: train.clipNorm, value: train.clipValue.map { Float($0) })
  }
}

extension UnsafeMutableBufferPointer<Float> {
  /// Multiplies each gradient and cuts it to ±limit, as `torch.nn.utils.clip_grad_value_`.
  package func scale(by factor: Float, limitedTo limit: Float) {
    for i in indices { self[i] = Swift.min(Swift.max(self[i] * factor, -limit), limit) }
  }
}
