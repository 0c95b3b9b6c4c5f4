/// The optimizers' loops over flat buffers. Arithmetic and its order are those of `torch.optim`.
package enum OptimizerKernels {
  typealias Values = UnsafeMutablePointer<Float>

  /// Adam and AdamW on `count` parameters; the gradient used is `scale * gradients`.
  struct Adam {
    var scale: Float
    /// lr / (1 - beta1^t)
    var stepSize: Float
    /// sqrt(1 - beta2^t)
    var correction2: Float
    var beta1: Float
    var beta2: Float
    /// 1 - beta, rounded once from double.
    var rest1: Float
    var rest2: Float
    var eps: Float
    /// Added to the gradient, times the parameter (Adam).
    var decay: Float
    /// The parameter's factor before the step (AdamW), else 1.
    var shrink: Float
  }

  static func adam(
    _ parameters: Values, _ gradients: Values, _ mean: Values, _ square: Values, count: Int, _ k: Adam
  ) {
    for i in 0..<count {
      let p = parameters[i] * k.shrink
      let g = gradients[i] * k.scale + k.decay * p
      let m = mean[i] + k.rest1 * (g - mean[i])
      let v = square[i] * k.beta2 + k.rest2 * g * g
      mean[i] = m
      square[i] = v
      parameters[i] = p - k.stepSize * (m / (v.squareRoot() / k.correction2 + k.eps))
    }
  }

  struct SGD {
    var scale: Float
    var learningRate: Float
    var decay: Float
    var momentum: Float
    /// 1 - dampening; 1 in the first step, which starts the buffer.
    var gain: Float
    var nesterov: Bool
  }

  static func sgd(_ parameters: Values, _ gradients: Values, count: Int, _ k: SGD) {
    for i in 0..<count {
      let g = gradients[i] * k.scale + k.decay * parameters[i]
      parameters[i] -= k.learningRate * g
    }
  }

  static func sgd(_ parameters: Values, _ gradients: Values, momentum: Values, count: Int, _ k: SGD) {
    let direct: Float = k.nesterov ? 1 : 0
    let buffered: Float = k.nesterov ? k.momentum : 1
    for i in 0..<count {
      let g = gradients[i] * k.scale + k.decay * parameters[i]
      let b = momentum[i] * k.momentum + k.gain * g
      momentum[i] = b
      parameters[i] -= k.learningRate * (direct * g + buffered * b)
    }
  }

  struct RMSProp {
    var scale: Float
    var learningRate: Float
    var decay: Float
    var alpha: Float
    /// 1 - alpha, rounded once from double.
    var rest: Float
    var eps: Float
    var momentum: Float
  }

  static func rmsprop(_ parameters: Values, _ gradients: Values, _ square: Values, count: Int, _ k: RMSProp) {
    for i in 0..<count {
      let g = gradients[i] * k.scale + k.decay * parameters[i]
      let v = square[i] * k.alpha + k.rest * g * g
      square[i] = v
      parameters[i] -= k.learningRate * (g / (v.squareRoot() + k.eps))
    }
  }

  static func rmsprop(
    _ parameters: Values, _ gradients: Values, _ square: Values, momentum: Values, count: Int, _ k: RMSProp
  ) {
    for i in 0..<count {
      let g = gradients[i] * k.scale + k.decay * parameters[i]
      let v = square[i] * k.alpha + k.rest * g * g
      let b = momentum[i] * k.momentum + g / (v.squareRoot() + k.eps)
      square[i] = v
      momentum[i] = b
      parameters[i] -= k.learningRate * b
    }
  }

  /// The sum of squares in double: no finite float overflows it, so it is finite exactly where all values are.
  package static func sumOfSquares(_ values: UnsafePointer<Float>, count: Int) -> Double {
    var sums = SIMD8<Double>()
    let blocks = count / 8 * 8
    for start in stride(from: 0, to: blocks, by: 8) {
      let block = SIMD8<Double>(UnsafeRawPointer(values + start).loadUnaligned(as: SIMD8<Float>.self))
      sums += block * block
    }
    var sum = sums.sum()
    for i in blocks..<count { sum += Double(values[i]) * Double(values[i]) }
    return sum
  }
}
