extension UnsafeMutableBufferPointer<Float> {
  /// Multiplies each gradient and cuts it to ±limit, as `torch.nn.utils.clip_grad_value_`.
  package func scale(by factor: Float, limitedTo limit: Float) {
    for i in indices { self[i] = Swift.min(Swift.max(self[i] * factor, -limit), limit) }
  }
}
