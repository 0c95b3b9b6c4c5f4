// What stands between the two marks is the library example of README.md, word for word (a test compares them).
// example begins
import Recur

func learnWave(steps: Int = 300) throws -> Double {
  let group = try Communicators.fromEnvironment()  // one process, or those of mpirun
  var network = Architecture(cell: .lstm, inputSize: 1, hiddenSize: 16, steps: 20, head: [.linear(1)])
  network.readout = .lastStep
  let model = try Model(network, seed: 42)
  let adam = Optimizer(OptimizerSpecification(.adam()), count: model.parameters.count)
  let size = 32
  var error = 0.0

  for step in 0..<steps {
    // Each process makes its own part of the batch.
    let starts = (0..<size).map { Float((step * group.size + group.rank) * size + $0) * 0.37 }
    let batch = Batch(steps: 20, samples: size) { t, b, _ in sine(starts[b] + 0.3 * Float(t)) }
    let targets = starts.map { sine($0 + 0.3 * 20) }

    let outputs = model.forward(batch, mode: .training(seed: 42, step: UInt64(step)))
    var gradient = [Float](repeating: 0, count: size)
    let loss = Loss.mse.evaluate(
      outputs: outputs.baseAddress!, rows: size, width: 1, values: targets, classes: [],
      gradient: &gradient)
    model.zeroGradients()
    model.backward(gradient)
    var totals = [loss.sum, loss.weight]
    // Sums over all processes, divided once: any number of them takes the same step.
    try totals.withUnsafeMutableBufferPointer { try group.allReduceSum(model.gradients, $0) }
    adam.update(
      model.parameters, gradients: model.gradients, scale: Float(1 / totals[1]), learningRate: 0.01)
    model.parametersChanged()
    error = totals[0] / totals[1]
  }
  try group.finish()
  return error
}
// example ends
