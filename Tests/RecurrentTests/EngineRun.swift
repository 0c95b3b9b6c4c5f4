import Batches
import Kernels
import Recurrent
import TestSupport

/// A reference network, its batch and its targets, as the script in Tests/Reference makes them.
struct ReferenceBatch {
  let network: Network
  let loss: Loss
  let batch: Int
  let inputs: [Float]
  let values: [Float]
  let classes: [Int32]

  init(
    _ architecture: Reference.NetworkDescription, _ loss: Reference.LossDescription, batch: Int,
    phase: Int
  ) {
    self.network = architecture.network
    self.loss = loss.loss
    self.batch = batch
    let a = self.network
    inputs = Reference.wave(a.steps * batch * a.inputSize, phase: Double(phase))
    (values, classes) = loss.targets(
      rows: a.outputRows(steps: a.steps, batch: batch), width: a.outputSize, phase: Double(phase))
  }

  var rows: Int { network.outputRows(steps: network.steps, batch: batch) }
  var width: Int { network.outputSize }

  /// The mean loss of the network in double.
  func doubleLoss(_ network: DoubleNetwork) -> Double {
    let outputs = network.forward(inputs, batch: batch)
    let total = loss.doubleTotal(outputs, rows: rows, width: width, values: values, classes: classes)
    return total.sum / total.weight
  }

  /// Forward, loss and backward of the engine: the output and the summed loss; the gradients of the *mean* are left in the model.
  func train(_ model: Model) -> (output: [Float], total: Loss.Total) {
    let output = model.forward(made, mode: .training(seed: 0, step: 0))
    let (total, gradient) = meanLoss(output, model.kernels)
    let kept = Array(output)
    model.zeroGradients()
    model.backward(gradient)
    return (kept, total)
  }

  /// The output in evaluation mode.
  func evaluate(_ model: Model) -> [Float] { Array(model.forward(made, mode: .evaluation)) }

  var made: Batch { Batch(timeMajor: inputs, features: network.inputSize, steps: network.steps) }

  /// The summed loss, and the gradient of the mean with respect to the outputs.
  func meanLoss(
    _ output: UnsafeMutableBufferPointer<Float>, _ kernels: KernelSet
  ) -> (total: Loss.Total, gradient: [Float]) {
    var gradient = [Float](repeating: .nan, count: output.count)
    let total = loss.evaluate(
      outputs: output.baseAddress!, rows: rows, width: width, values: values, classes: classes,
      gradient: &gradient,
      kernels: kernels)
    return (total, gradient.map { $0 / Float(total.weight) })
  }
}

/// ‖a − b‖ / ‖b‖; the absolute norm where b is zero.
func relativeDistance(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Double {
  let (distance, norm) = zip(a, b).reduce((0.0, 0.0)) { sums, pair in
    let (x, y) = (Double(pair.0), Double(pair.1))
    return (sums.0 + (x - y) * (x - y), sums.1 + y * y)
  }
  return (norm == 0 ? distance : distance / norm).squareRoot()
}
