/// An exponential moving average of the parameters, as `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn(decay)`
/// keeps it: the parameters after the first update, then average ← decay·average + (1 - decay)·parameters.
package final class ParameterAverage {
  package let decay: Float
  package let values: UnsafeMutableBufferPointer<Float>

  /// Of the values, which change; the others are as the parameters are.
  private let trained: [Range<Int>]

  /// - parameters: what it holds before the first update.
  package convenience init(decay: Double, _ parameters: UnsafeMutableBufferPointer<Float>) {
    self.init(decay: decay, parameters, trained: nil)
  }

  /// - trained: the parameters that change, rising; nil for all.
  init(decay: Double, _ parameters: UnsafeMutableBufferPointer<Float>, trained: [Range<Int>]?) {
    self.trained = trained ?? [parameters.indices]
    self.decay = Float(decay)
    values = .allocate(capacity: parameters.count)
    _ = values.initialize(fromContentsOf: parameters)
  }

  deinit { values.deallocate() }

  /// - isFirst: whether this was the first update.
  package func update(_ parameters: UnsafeMutableBufferPointer<Float>, isFirst: Bool) {
    if isFirst {
      _ = values.update(fromContentsOf: parameters)
    } else if decay > 0.5 {
      // `torch.lerp` starts from the nearer end.
      let share = 1 - decay
      for range in trained { for i in range { values[i] += share * (parameters[i] - values[i]) } }
    } else {
      for range in trained {
        for i in range { values[i] = parameters[i] - (parameters[i] - values[i]) * decay }
      }
    }
  }

  /// Exchanges the averages and the parameters; a second time brings them back.
  package func exchange(_ parameters: UnsafeMutableBufferPointer<Float>) {
    for i in values.indices { swap(&values[i], &parameters[i]) }
  }
}
